"""What tensorflow-io 0.37.1 returned, to the bit. Nothing imports it but `decode_dicom` and the op."""
