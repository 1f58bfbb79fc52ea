//! The picture of a model: each view draws values and changes none.

pub mod editor;
