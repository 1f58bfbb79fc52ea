//! YAML: text to a tree that knows the place of every node, text to values as kubectl reads them, and values to text.

mod value;
mod write;

pub use value::{ReadError, documents};
pub use write::{to_yaml, to_yaml_documents};
