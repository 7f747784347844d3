// For lint alone: the wrapper, and as much of the shell as it meets.
-f hw/shell/sl_corundum.f
hw/shell/stub/dma_if_pcie.sv
hw/shell/stub/pcie_axil_master.sv
hw/shell/stub/pcie_msix.sv
hw/shell/stub/corundum_stub.sv
