//! Who owns which field: field sets, merging what is applied, and the managedFields of objects.
//!
//! The rules are those of structured merge: maps are owned by key, lists by item where they have keys, everything else
//! as one. [`fieldset`] is the set, [`typed`] walks values by their schema, [`managed`] keeps the managers of an object.

pub mod fieldset;
pub mod managed;
pub mod typed;
