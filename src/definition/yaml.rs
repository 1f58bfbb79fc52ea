//! YAML: text to a tree that knows the place of every node, text to values as kubectl reads them, and values to text.
//!
//! The tree serves checking, completion and outlines; it keeps what came before a syntax error. Nothing here knows what a
//! definition is. Every reader is bounded: by bytes, documents, depth and number of nodes, whatever the text says.

mod conflict;
pub mod edit;
mod repair;
mod scalar;
mod syntax;
mod tree;
mod value;
mod write;

pub use conflict::conflicts;
pub use repair::repair;
pub use scalar::{Resolved, is_plain_safe, quoted, resolve};
pub use syntax::SyntaxFault;
pub use tree::{Kind, NodeId, Style, Tree};
pub use value::{MAX_DEPTH, MAX_TEXT_BYTES, documents};
pub use write::{to_yaml, to_yaml_documents};
