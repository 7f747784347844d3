// Everything that sl_nic is made of: the datapath, then the host interface around it.
-f hw/rtl/sl_core.f
hw/rtl/sl_gear.sv
hw/rtl/sl_turn.sv
hw/rtl/sl_dma_cut.sv
hw/rtl/sl_dma_rd.sv
hw/rtl/sl_dma_wr.sv
hw/rtl/sl_queue.sv
hw/rtl/sl_desc.sv
hw/rtl/sl_rxq.sv
hw/rtl/sl_admit.sv
hw/rtl/sl_txq.sv
hw/rtl/sl_flowq.sv
hw/rtl/sl_adminq.sv
hw/rtl/sl_eventq.sv
hw/rtl/sl_irq.sv
hw/rtl/sl_reset.sv
hw/rtl/sl_bar.sv
hw/rtl/sl_mgmt.sv
hw/rtl/sl_hif.sv
hw/rtl/sl_nic.sv
