//! The `bowline` program: hands over to the library.

fn main() {}
