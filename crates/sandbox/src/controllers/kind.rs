//! The kinds that controllers read and write, and how the API names them.

/// A kind of object that a controller knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1` ConfigMap.
    ConfigMap,
    /// `apps/v1` ControllerRevision.
    ControllerRevision,
    /// `batch/v1` CronJob.
    CronJob,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `apps/v1` Deployment.
    Deployment,
    /// `v1` Endpoints.
    Endpoints,
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlice,
    /// `v1` Event.
    Event,
    /// `batch/v1` Job.
    Job,
    /// `v1` Namespace.
    Namespace,
    /// `v1` Node.
    Node,
    /// `v1` PersistentVolume.
    PersistentVolume,
    /// `v1` PersistentVolumeClaim.
    PersistentVolumeClaim,
    /// `v1` Pod.
    Pod,
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
    /// `v1` ResourceQuota.
    ResourceQuota,
    /// `v1` Secret.
    Secret,
    /// `v1` Service.
    Service,
    /// `v1` ServiceAccount.
    ServiceAccount,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `storage.k8s.io/v1` StorageClass.
    StorageClass,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Kind; 21] = [
        Kind::ConfigMap,
        Kind::ControllerRevision,
        Kind::CronJob,
        Kind::DaemonSet,
        Kind::Deployment,
        Kind::Endpoints,
        Kind::EndpointSlice,
        Kind::Event,
        Kind::Job,
        Kind::Namespace,
        Kind::Node,
        Kind::PersistentVolume,
        Kind::PersistentVolumeClaim,
        Kind::Pod,
        Kind::ReplicaSet,
        Kind::ResourceQuota,
        Kind::Secret,
        Kind::Service,
        Kind::ServiceAccount,
        Kind::StatefulSet,
        Kind::StorageClass,
    ];

    /// Returns the API's names of this kind: group and version, kind.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Kind::ConfigMap => ("v1", "ConfigMap"),
            Kind::ControllerRevision => ("apps/v1", "ControllerRevision"),
            Kind::CronJob => ("batch/v1", "CronJob"),
            Kind::DaemonSet => ("apps/v1", "DaemonSet"),
            Kind::Deployment => ("apps/v1", "Deployment"),
            Kind::Endpoints => ("v1", "Endpoints"),
            Kind::EndpointSlice => ("discovery.k8s.io/v1", "EndpointSlice"),
            Kind::Event => ("v1", "Event"),
            Kind::Job => ("batch/v1", "Job"),
            Kind::Namespace => ("v1", "Namespace"),
            Kind::Node => ("v1", "Node"),
            Kind::PersistentVolume => ("v1", "PersistentVolume"),
            Kind::PersistentVolumeClaim => ("v1", "PersistentVolumeClaim"),
            Kind::Pod => ("v1", "Pod"),
            Kind::ReplicaSet => ("apps/v1", "ReplicaSet"),
            Kind::ResourceQuota => ("v1", "ResourceQuota"),
            Kind::Secret => ("v1", "Secret"),
            Kind::Service => ("v1", "Service"),
            Kind::ServiceAccount => ("v1", "ServiceAccount"),
            Kind::StatefulSet => ("apps/v1", "StatefulSet"),
            Kind::StorageClass => ("storage.k8s.io/v1", "StorageClass"),
        }
    }

    /// Returns the group and version as objects carry it in `apiVersion`.
    pub fn api_version(self) -> &'static str {
        self.names().0
    }

    /// Returns the group, empty for the core one.
    pub fn group(self) -> &'static str {
        self.api_version()
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// Returns the kind as objects carry it in `kind`.
    pub fn kind(self) -> &'static str {
        self.names().1
    }

    /// Returns the kind with these names, if a controller knows it.
    pub fn from_names(api_version: &str, kind: &str) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|known| known.api_version() == api_version && known.kind() == kind)
    }
}
