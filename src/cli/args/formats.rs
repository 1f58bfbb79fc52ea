//! Formats of what is printed.

use clap::ValueEnum;

/// Formats of what has rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// Columns
    #[default]
    Table,
    /// More columns
    Wide,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// IDs only
    Name,
}

/// Formats of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Document {
    /// YAML
    #[default]
    Yaml,
    /// JSON
    Json,
    /// Kind and name only
    Name,
}

/// Formats of faults, plans and outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Report {
    /// Lines for people and editors
    #[default]
    Text,
    /// JSON
    Json,
}
