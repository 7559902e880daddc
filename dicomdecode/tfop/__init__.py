"""The native TensorFlow ops: a plain C library that TensorFlow loads, and the bridge from it to the decoder."""
