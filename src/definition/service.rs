//! The service definition as typed, plain data: what a checked text says, with substitutions made and defaults left open.
//!
//! Values are as [`check`](super::check::check) found them under its context; a definition exists only where no error was
//! found, so every name, number and pattern here is legal. Rendering reads the text anew under its own ID and parameters:
//! changing a field of a definition does not change what is rendered.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::id::Namespace;

/// The most replicas that a definition may want, and `scale` may set.
pub const MAX_REPLICAS: u32 = 1000;

/// A service: one workload with its containers, volumes, Service and Ingress.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceDefinition {
    /// The display name (`name`).
    pub display_name: Option<String>,
    /// The namespace to deploy into; none: the session's.
    pub namespace: Option<Namespace>,
    /// Wanted pods; none: one at first, then as it is.
    pub replicas: Option<u32>,
    /// The workload kind as written; see [`ServiceDefinition::workload_kind`] for the one in force.
    pub workload: Option<RenderedWorkload>,
    /// Whether a teardown needs the typed ID everywhere.
    pub protected: bool,
    /// How long the instance lives, counted from its first apply.
    pub expires: Option<Lifetime>,
    /// The uid of `kube-system` of the only cluster that this may be deployed to.
    pub cluster: Option<String>,
    /// Labels for every object, claim templates aside.
    pub labels: BTreeMap<String, String>,
    /// Annotations for every object, claim templates aside.
    pub annotations: BTreeMap<String, String>,
    /// The containers, at least one.
    pub containers: Vec<Container>,
    /// Containers that run to completion before the others start; they have no ports and no probes.
    pub init_containers: Vec<Container>,
    /// The volumes.
    pub volumes: Vec<Volume>,
    /// The type of the Service that carries every port.
    pub service_type: ServiceType,
    /// What is exposed by an Ingress.
    pub exposure: Option<Exposure>,
    /// Keys of the service's own Secret, and where their values come from.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Credentials for the registry.
    pub pull_secret: Option<PullSecret>,
    /// The service's own `ConfigMap`.
    pub config: BTreeMap<String, String>,
    /// Parameters in force: the defaults, overridden by what was set.
    pub parameters: BTreeMap<String, String>,
    /// The text that was read.
    pub(super) source: Arc<str>,
}

impl ServiceDefinition {
    /// Returns the text that was read.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn with_source(self, text: &str) -> Self {
        Self {
            source: text.into(),
            ..self
        }
    }

    /// Returns the workload kind in force: as written, else `StatefulSet` where a volume has a size, else `Deployment`.
    pub fn workload_kind(&self) -> RenderedWorkload {
        self.workload
            .unwrap_or_else(|| default_workload_kind(&self.volumes))
    }

    /// Tells whether all replicas share the one claim of `volume`: where it says so, and always in a `Deployment`, which
    /// has no claim templates.
    pub fn is_shared(&self, volume: &Volume) -> bool {
        let VolumeSource::Claim(claim) = &volume.source else {
            return false;
        };
        claim.shared || self.workload_kind() == RenderedWorkload::Deployment
    }
}

/// Returns the workload kind of a definition that names none.
pub(super) fn default_workload_kind(volumes: &[Volume]) -> RenderedWorkload {
    let has_size = |v: &Volume| matches!(v.source, VolumeSource::Claim(_));
    if volumes.iter().any(has_size) {
        RenderedWorkload::StatefulSet
    } else {
        RenderedWorkload::Deployment
    }
}

/// The workload that a service definition is rendered to. The pods of a cluster are run by other kinds too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RenderedWorkload {
    /// `apps/v1` `Deployment`.
    Deployment,
    /// `apps/v1` `StatefulSet`.
    StatefulSet,
}

impl RenderedWorkload {
    /// Returns the kind as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
        }
    }
}

/// A duration with the text that was written for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifetime {
    /// As written: `8h`.
    pub text: String,
    /// What it means.
    pub duration: Duration,
}

/// A container.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// A DNS label, unique among all containers.
    pub name: String,
    /// The image reference.
    pub image: String,
    /// Replaces the image's entry point.
    pub command: Option<Vec<String>>,
    /// Replaces the image's arguments.
    pub args: Option<Vec<String>>,
    /// Ports.
    pub ports: Vec<Port>,
    /// Environment, in the order written.
    pub env: Vec<EnvVar>,
    /// Requests and limits, short forms and GPU included.
    pub resources: Resources,
    /// Where volumes are mounted.
    pub volume_mounts: Vec<VolumeMount>,
    /// Probes.
    pub probes: Probes,
}

/// A port of a container, and of the Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The name as written, unique within the container.
    pub name: Option<String>,
    /// The Service's port.
    pub port: u16,
    /// The container's port; `port` where none was written.
    pub target_port: u16,
    /// The port on every node.
    pub node_port: Option<u16>,
    /// The protocol.
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// Returns the protocol as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

/// A variable of a container's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Where its value comes from.
    pub value: EnvValue,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// As written.
    Literal(String),
    /// A key of the service's own secret.
    OwnSecret(String),
    /// A key of the service's own config.
    OwnConfig(String),
    /// A key of an existing Secret.
    Secret(KeyRef),
    /// A key of an existing `ConfigMap`.
    ConfigMap(KeyRef),
}

/// A key of an object by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRef {
    /// The object.
    pub name: String,
    /// The key in it.
    pub key: String,
}

/// Requests and limits: resource name to quantity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// What the scheduler sets aside.
    pub requests: BTreeMap<String, String>,
    /// What the container may not exceed.
    pub limits: BTreeMap<String, String>,
}

/// A mount of a volume in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// The volume.
    pub name: String,
    /// An absolute path in the container.
    pub mount_path: String,
    /// Whether the container may only read.
    pub read_only: bool,
    /// A path inside the volume.
    pub sub_path: Option<String>,
}

/// The probes of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probes {
    /// Whether it may be sent requests.
    pub ready: Option<Probe>,
    /// Whether it must be restarted.
    pub live: Option<Probe>,
    /// Whether it has started; the other two wait for it.
    pub startup: Option<Probe>,
}

/// A probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What is asked.
    pub check: ProbeCheck,
    /// Seconds before the first try.
    pub initial_delay: Option<u32>,
    /// Seconds between tries.
    pub period: Option<u32>,
    /// Seconds until a try without answer has failed.
    pub timeout: Option<u32>,
    /// Failures in a row until the probe has failed.
    pub failures: Option<u32>,
}

/// What a probe asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeCheck {
    /// An HTTP GET that must answer 200 to 399.
    Http {
        /// The path.
        path: String,
        /// The container's port.
        port: PortRef,
    },
    /// A connection that must open.
    Tcp(PortRef),
    /// A command that must exit with 0.
    Exec(Vec<String>),
}

/// A port of a container by number or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortRef {
    /// By number, declared or not.
    Number(u16),
    /// By the name of one of the container's ports.
    Name(String),
}

/// A volume.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    /// A DNS label, unique among the volumes.
    pub name: String,
    /// What it is.
    pub source: VolumeSource,
}

/// What a volume is.
#[derive(Debug, Clone, PartialEq)]
pub enum VolumeSource {
    /// A claim of the instance's own.
    Claim(ClaimSpec),
    /// A scratch directory that goes with the pod.
    EmptyDir {
        /// The most it may hold.
        size_limit: Option<String>,
        /// Whether it lies in memory.
        in_memory: bool,
    },
    /// A claim that exists already, by name.
    ExistingClaim(String),
    /// Files, by name, from a `ConfigMap` of the instance's own.
    Files(BTreeMap<String, String>),
    /// A Secret that exists already, by name.
    Secret(String),
}

/// A claim to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimSpec {
    /// Its size: `10Gi`.
    pub size: String,
    /// The storage class; none: the cluster's default.
    pub storage_class: Option<String>,
    /// The access mode.
    pub access_mode: AccessMode,
    /// Whether it was asked that all replicas share it; see [`ServiceDefinition::is_shared`].
    pub shared: bool,
}

/// How a claim may be mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessMode {
    /// Read and written by the pods of one node.
    ReadWriteOnce,
    /// Read and written by many nodes.
    ReadWriteMany,
    /// Read by many nodes.
    ReadOnlyMany,
    /// Read and written by one pod.
    ReadWriteOncePod,
}

impl AccessMode {
    /// Returns the mode as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadWriteOnce => "ReadWriteOnce",
            Self::ReadWriteMany => "ReadWriteMany",
            Self::ReadOnlyMany => "ReadOnlyMany",
            Self::ReadWriteOncePod => "ReadWriteOncePod",
        }
    }

    /// Tells whether pods on different nodes cannot hold the claim at one time.
    pub fn is_exclusive(self) -> bool {
        matches!(self, Self::ReadWriteOnce | Self::ReadWriteOncePod)
    }
}

/// The type of a Service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ServiceType {
    /// Reached inside the cluster, the default.
    #[default]
    ClusterIp,
    /// Reached on a port of every node.
    NodePort,
    /// Reached by a load balancer.
    LoadBalancer,
}

impl ServiceType {
    /// Returns the type as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// What an Ingress exposes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// The container.
    pub container: String,
    /// The Service's port.
    pub port: u16,
    /// The host as written; none: the configuration's.
    pub host: Option<String>,
    /// The path as written; none: `/` with an own host, else `/<id>`.
    pub path: Option<String>,
    /// How the path is matched.
    pub path_type: PathType,
    /// The ingress class; none: the cluster's default.
    pub class_name: Option<String>,
    /// The Secret of the host's certificate.
    pub tls_secret: Option<String>,
    /// Annotations of the Ingress alone.
    pub annotations: BTreeMap<String, String>,
}

/// How an Ingress matches its path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum PathType {
    /// By path elements, the default.
    #[default]
    Prefix,
    /// As a whole.
    Exact,
    /// As the ingress class decides.
    ImplementationSpecific,
}

impl PathType {
    /// Returns the type as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prefix => "Prefix",
            Self::Exact => "Exact",
            Self::ImplementationSpecific => "ImplementationSpecific",
        }
    }
}

/// Where the value of a secret comes from when it is applied; never the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file.
    File(String),
    /// A question to the person who applies.
    Prompt(String),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {path}"),
            Self::Prompt(question) => write!(f, "the question {question:?}"),
        }
    }
}

/// Credentials for pulling images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullSecret {
    /// An existing Secret, by name.
    Existing(String),
    /// Made when applying.
    Credentials {
        /// The registry's host.
        registry: String,
        /// The user.
        username: String,
        /// Where the password comes from.
        password: SecretSource,
    },
}
