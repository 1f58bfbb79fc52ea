//! The command line of each server.

use std::path::Path;
use std::process::Command;

use crate::binaries::Binaries;
use crate::credentials::Credentials;
use crate::ports;

/// The ports of one control plane, all on loopback.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    etcd: u16,
    etcd_peer: u16,
    pub api: u16,
    controller_manager: u16,
    scheduler: u16,
    node: u16,
}

impl Ports {
    pub(crate) fn free() -> Self {
        Ports {
            etcd: ports::free(),
            etcd_peer: ports::free(),
            api: ports::free(),
            controller_manager: ports::free(),
            scheduler: ports::free(),
            node: ports::free(),
        }
    }

    pub(crate) fn etcd_url(self) -> String {
        format!("http://127.0.0.1:{}", self.etcd)
    }
}

pub(crate) fn etcd(binaries: &Binaries, directory: &Path, ports: Ports) -> Command {
    let client = ports.etcd_url();
    let peer = format!("http://127.0.0.1:{}", ports.etcd_peer);
    let mut command = Command::new(binaries.path("server"));
    command
        .arg("--unsafe-no-fsync")
        .arg("--data-dir")
        .arg(directory.join("etcd"))
        .args(["--listen-client-urls", &client])
        .args(["--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer])
        .args(["--initial-advertise-peer-urls", &peer])
        .args(["--initial-cluster", &format!("default={peer}")]);
    command
}

pub(crate) fn api_server(binaries: &Binaries, credentials: &Credentials, ports: Ports) -> Command {
    let mut command = Command::new(binaries.path("kube-apiserver"));
    command
        .args(["--etcd-servers", &ports.etcd_url()])
        .args(["--bind-address", "127.0.0.1"])
        .args(["--secure-port", &ports.api.to_string()])
        .arg("--tls-cert-file")
        .arg(&credentials.certificate)
        .arg("--tls-private-key-file")
        .arg(&credentials.key)
        .args(["--service-account-issuer", "https://kubernetes.default.svc"])
        .arg("--service-account-key-file")
        .arg(&credentials.service_account_public_key)
        .arg("--service-account-signing-key-file")
        .arg(&credentials.service_account_key)
        .arg("--token-auth-file")
        .arg(&credentials.tokens)
        .arg("--client-ca-file")
        .arg(&credentials.authority)
        .args(["--authorization-mode", "RBAC"])
        .args(["--service-cluster-ip-range", "10.0.0.0/20"])
        // A loopback address is no legal endpoint, and the reconciler would complain for ever.
        .args(["--endpoint-reconciler-type", "none"])
        // No name server knows the nodes.
        .args(["--kubelet-preferred-address-types", "InternalIP"])
        // The nodes' certificate is signed by the same authority; this is for logs and exec through them.
        .arg("--kubelet-certificate-authority")
        .arg(&credentials.authority);
    command
}

pub(crate) fn controller_manager(
    binaries: &Binaries,
    credentials: &Credentials,
    kubeconfig: &Path,
    ports: Ports,
) -> Command {
    let mut command = Command::new(binaries.path("kube-controller-manager"));
    command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .arg("--service-account-private-key-file")
        .arg(&credentials.service_account_key)
        .arg("--root-ca-file")
        .arg(&credentials.authority)
        .arg("--enable-hostpath-provisioner")
        // A simulated node never fails, however late a busy machine lets its heartbeat be.
        .args(["--node-monitor-grace-period", "8760h"])
        .arg("--leader-elect=false")
        .args(["--bind-address", "127.0.0.1"])
        .args(["--secure-port", &ports.controller_manager.to_string()])
        .args(["--kube-api-qps", "400", "--kube-api-burst", "800"]);
    command
}

pub(crate) fn scheduler(binaries: &Binaries, kubeconfig: &Path, ports: Ports) -> Command {
    let mut command = Command::new(binaries.path("kube-scheduler"));
    command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .arg("--leader-elect=false")
        .args(["--bind-address", "127.0.0.1"])
        .args(["--secure-port", &ports.scheduler.to_string()])
        .args(["--kube-api-qps", "400", "--kube-api-burst", "800"]);
    command
}

pub(crate) fn nodes(
    binaries: &Binaries,
    credentials: &Credentials,
    kubeconfig: &Path,
    config: &Path,
    ports: Ports,
) -> Command {
    let port = ports.node.to_string();
    let mut command = Command::new(binaries.path("kwok"));
    command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .arg("--config")
        .arg(config)
        .arg("--manage-all-nodes")
        .args(["--node-ip", "127.0.0.1", "--node-port", &port])
        .args(["--server-address", &format!("127.0.0.1:{port}")])
        .arg("--tls-cert-file")
        .arg(&credentials.certificate)
        .arg("--tls-private-key-file")
        .arg(&credentials.key)
        .args(["--cidr", "10.64.0.0/10"]);
    command
}
