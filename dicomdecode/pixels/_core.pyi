# Nothing here is callable from Python: see the .pxd.
