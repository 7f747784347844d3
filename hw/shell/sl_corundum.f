// The card in Corundum's shell: sl_nic and the wrapper around it.
-f hw/rtl/sl_nic.f
hw/shell/sl_corundum_dma.sv
hw/shell/sl_corundum_bar.sv
hw/shell/sl_frame_cdc.sv
hw/shell/sl_corundum_port.sv
hw/shell/sl_board.sv
hw/shell/sl_corundum.sv
