//! A home with a catalogue, and a namespace of a cluster, which is one of two.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::prelude::{BASE64_STANDARD, Engine};
use bowline_control_plane::{ControlPlane, User};
use bowline_sandbox::{Rule, Sandbox, SandboxOptions, Served};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DynamicObject, ListParams, ObjectMeta, PostParams};
use kube::discovery::ApiResource;
use kube::{Client, ResourceExt};
use tokio::runtime::Runtime;

use crate::program::{Home, Run};

/// What a case runs against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sandbox,
    ControlPlane,
}

/// Runs one case on one backend.
pub(crate) fn run(backend: Backend, case: impl FnOnce(&World)) {
    if let Some(world) = begin(backend) {
        case(&world);
    }
}

/// Returns a world; none where its backend is not there.
pub(crate) fn begin(backend: Backend) -> Option<World> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    match backend {
        Backend::Sandbox => Some(in_sandbox(runtime)),
        Backend::ControlPlane => Some(in_control_plane(runtime, control_plane()?)),
    }
}

/// Everything that a case has.
pub(crate) struct World {
    pub(crate) home: Home,
    pub(crate) namespace: String,
    pub(crate) admin: Client,
    runtime: Runtime,
    kubeconfigs: Vec<(User, PathBuf)>,
    served: Option<Served>,
}

impl World {
    /// Closes the sandbox' port and all connections.
    pub(crate) fn go_away(&mut self) {
        self.served = None;
    }

    /// Returns the program as the administrator runs it in this case's namespace.
    pub(crate) fn bowline(&self, args: &[&str]) -> Run {
        self.bowline_as(User::Admin, args)
    }

    pub(crate) fn bowline_as(&self, user: User, args: &[&str]) -> Run {
        let run = self.home.bowline(args);
        run.env("KUBECONFIG", self.kubeconfig(user))
            .env("BOWLINE_NAMESPACE", &self.namespace)
    }

    pub(crate) fn kubeconfig(&self, user: User) -> &PathBuf {
        let found = self.kubeconfigs.iter().find(|(of, _)| *of == user);
        &found.unwrap().1
    }

    /// Lets something happen while the program runs.
    pub(crate) fn spawn(
        &self,
        happening: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        self.runtime.spawn(happening)
    }

    /// Returns the objects of a kind in this case's namespace.
    pub(crate) fn api(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = kube::core::GroupVersionKind::gvk(group, version, kind);
        Api::namespaced_with(
            self.admin.clone(),
            &self.namespace,
            &ApiResource::from_gvk(&gvk),
        )
    }

    /// Defines a custom kind, until [`World::undefine_kind`].
    pub(crate) fn define_kind(&self, definition: &serde_json::Value) {
        let object: DynamicObject = serde_json::from_value(definition.clone()).unwrap();
        let created = self.definitions();
        let params = PostParams::default();
        created.create(&params, &object).await_in(self).unwrap();
    }

    pub(crate) fn undefine_kind(&self, name: &str) {
        let definitions = self.definitions();
        let params = kube::api::DeleteParams::default();
        definitions.delete(name, &params).await_in(self).unwrap();
    }

    fn definitions(&self) -> Api<DynamicObject> {
        self.cluster_api("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    }

    /// Returns the objects of a kind whose objects are in no namespace: all cases share them.
    pub(crate) fn cluster_api(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = kube::core::GroupVersionKind::gvk(group, version, kind);
        Api::all_with(self.admin.clone(), &ApiResource::from_gvk(&gvk))
    }

    /// Returns the names of the objects of a kind that bear an instance's labels.
    pub(crate) fn names(&self, api_version: &str, kind: &str, id: &str) -> Vec<String> {
        let labels =
            format!("app.kubernetes.io/managed-by=bowline,app.kubernetes.io/instance={id}");
        let api = self.api(api_version, kind);
        let list = api
            .list(&ListParams::default().labels(&labels))
            .await_in(self);
        list.unwrap().iter().map(ResourceExt::name_any).collect()
    }

    /// Returns the names of all that an instance consists of: what a teardown has to take away.
    pub(crate) fn all_names(&self, id: &str) -> Vec<String> {
        let kinds = [
            ("v1", "ConfigMap"),
            ("v1", "Service"),
            ("v1", "Pod"),
            ("v1", "PersistentVolumeClaim"),
            ("apps/v1", "Deployment"),
            ("apps/v1", "StatefulSet"),
        ];
        kinds
            .iter()
            .flat_map(|(api_version, kind)| {
                let names = self.names(api_version, kind, id).into_iter();
                names.map(move |name| format!("{kind}/{name}"))
            })
            .collect()
    }
}

/// Waiting for an answer of the cluster where nothing else is done meanwhile.
pub(crate) trait AwaitIn: Future + Sized {
    fn await_in(self, world: &World) -> Self::Output {
        world.runtime.block_on(self)
    }
}

impl<F: Future> AwaitIn for F {}

fn fresh_namespace() -> String {
    static N_NAMESPACES: AtomicUsize = AtomicUsize::new(1);
    format!("cli-{}", N_NAMESPACES.fetch_add(1, Ordering::Relaxed))
}

/// Returns the control plane that all cases of this process share; none where it is not built and none is required.
pub(crate) fn control_plane() -> Option<&'static ControlPlane> {
    bowline_control_plane::shared("the command line")
}

fn in_control_plane(runtime: Runtime, control_plane: &ControlPlane) -> World {
    let namespace = fresh_namespace();
    let admin = {
        let _context = runtime.enter();
        control_plane.client(User::Admin).unwrap()
    };
    let object = Namespace {
        metadata: ObjectMeta {
            name: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let namespaces: Api<Namespace> = Api::all(admin.clone());
    let params = PostParams::default();
    let created = namespaces.create(&params, &object);
    runtime.block_on(created).unwrap();
    World {
        home: Home::new(),
        namespace,
        admin,
        runtime,
        kubeconfigs: User::ALL
            .map(|user| (user, control_plane.kubeconfig(user)))
            .into(),
        served: None,
    }
}

fn in_sandbox(runtime: Runtime) -> World {
    let namespace = fresh_namespace();
    let options = SandboxOptions {
        namespaces: vec![namespace.clone()],
        users: vec![
            bowline_sandbox::User::admin(User::Admin.name()),
            bowline_sandbox::User::with_rules(User::Viewer.name(), vec![view()]),
            bowline_sandbox::User::without_rights(User::Nobody.name()),
        ],
        ..SandboxOptions::default()
    };
    let (sandbox, served) = runtime.block_on(async {
        let sandbox = Sandbox::start(options).await.unwrap();
        let served = sandbox
            .serve((Ipv4Addr::LOCALHOST, 0).into())
            .await
            .unwrap();
        (sandbox, served)
    });
    let home = Home::new();
    let authority = BASE64_STANDARD.encode(served.certificate());
    let tokens: Vec<_> = sandbox.users().map(|user| user.token.clone()).collect();
    let kubeconfigs = User::ALL.iter().zip(tokens).map(|(user, token)| {
        let name = user.name();
        let text = format!(
            "current-context: sandbox\n\
             contexts: [{{name: sandbox, context: {{cluster: sandbox, user: {name}}}}}]\n\
             clusters: [{{name: sandbox, cluster: {{server: \"https://{}\", certificate-authority-data: {authority}}}}}]\n\
             users: [{{name: {name}, user: {{token: \"{token}\"}}}}]\n",
            served.address()
        );
        (*user, home.write(&format!("{name}.kubeconfig"), text))
    });
    let kubeconfigs = kubeconfigs.collect();
    let admin = {
        let _context = runtime.enter();
        sandbox.client(User::Admin.name())
    };
    World {
        kubeconfigs,
        admin,
        home,
        namespace,
        runtime,
        served: Some(served),
    }
}

/// What the cluster role `view` allows, secrets left out.
fn view() -> Rule {
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Rule {
        namespaces: list(&["*"]),
        groups: list(&["", "apps", "networking.k8s.io", "discovery.k8s.io"]),
        resources: list(&[
            "configmaps",
            "deployments",
            "endpointslices",
            "events",
            "ingresses",
            "namespaces",
            "persistentvolumeclaims",
            "pods",
            "replicasets",
            "services",
            "statefulsets",
        ]),
        verbs: list(&["get", "list", "watch"]),
    }
}
