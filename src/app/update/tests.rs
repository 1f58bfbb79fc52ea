//! What `update` decides, told as keys and messages.
