//! Commands that tell what can be written: of a kind, or of the service definition.

use clap::Args;

/// Where the schema of a kind comes from.
#[derive(Debug, Args)]
pub struct KindSource {
    /// Group and version, such as apps/v1 [default: the newest that is built in, else the cluster's own choice]
    #[arg(long, value_name = "GROUP/VERSION")]
    pub api_version: Option<String>,
    /// Ask the cluster also for a kind that is built in
    #[arg(long)]
    pub online: bool,
}

/// `bowline explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A kind and a field, as in deployment.spec.template; `definition` stands for the service definition
    #[arg(value_name = "KIND[.FIELD]")]
    pub field: String,
    /// Show the fields of fields too, names and types alone
    #[arg(long)]
    pub recursive: bool,
    #[command(flatten)]
    pub source: KindSource,
}

/// `bowline schema`.
#[derive(Debug, Args)]
pub struct PrintSchema {
    /// A kind, such as deployment [default: the service definition]
    #[arg(value_name = "KIND")]
    pub kind: Option<String>,
    #[command(flatten)]
    pub source: KindSource,
}
