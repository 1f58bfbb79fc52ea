//! A stage for tests: a model with services as a cluster would report them, and keys pressed on it.

mod answers;

use std::collections::BTreeSet;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;

use crate::definition::check::check;
use crate::definition::naming;
use crate::definition::object::{GroupKind, ObjectKey};
use crate::engine::plan::{
    Change, ClaimFate, DataFate, DeployPlan, DiffLine, DiffSide, Fate, FateRow, PlannedObject,
    TeardownPlan, TeardownScope, VolumeChoice,
};
use crate::engine::remedy::StoragePlan;
use crate::service::operation::Operation;
use crate::service::protection::Caution;
use crate::service::retained::RetainedVolume;
use crate::service::summary::{
    Claim, Container, ContainerState, Event, InstanceKey, ObjectRow, Pod, PodRow, Record, Workload,
    WorkloadKind,
};
use crate::service::usage::Amounts;
use crate::service::watch::{Delta, LinkState, Topic, WatchEvent};

use super::keymap::Keymap;
use super::{
    CatalogueEntry, CatalogueListing, Choice, Effect, Epoch, Menu, MenuItem, Model, Msg, Popup,
    begin, follow_selection, update,
};

pub use answers::{
    adjust_plan, changes, history, live_workload, planned_pull, records_with, restore_plan,
    rollback_plan, route_plan, secret_question,
};

/// The time on the stage.
pub fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

/// A deploy of somebody who is gone.
pub fn half_done() -> Operation {
    Operation {
        kind: "deploy".to_owned(),
        step: "apply Deployment/orders-db".to_owned(),
        holder: "ann@bastion/7".to_owned(),
        heartbeat: now(),
        number: Some(2),
        of: Some(5),
        ..Operation::default()
    }
}

fn ago(seconds: u64) -> Timestamp {
    now() - Duration::from_secs(seconds)
}

pub fn key(id: &str) -> InstanceKey {
    InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: id.parse().unwrap(),
    }
}

pub fn object(kind: &str, name: &str) -> ObjectKey {
    let group = if matches!(kind, "Deployment" | "StatefulSet" | "ReplicaSet") {
        "apps"
    } else {
        ""
    };
    ObjectKey {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: Some("team-a".to_owned()),
        name: name.to_owned(),
    }
}

/// Tells whether an effect writes to the cluster, or is about to.
pub fn writes_to_cluster(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::RunDeploy { .. }
            | Effect::RunTeardown { .. }
            | Effect::RunAdjustment { .. }
            | Effect::RunAdopt { .. }
            | Effect::RunRoutes { .. }
            | Effect::RunClear { .. }
            | Effect::StopOperation { .. }
            | Effect::TakeOver { .. }
    )
}

/// Tells whether an effect writes to the cluster or the catalogue, or removes what was typed.
pub fn writes(effect: &Effect) -> bool {
    let writes_here = matches!(
        effect,
        Effect::WriteDefinition { .. }
            | Effect::CreateDefinition { .. }
            | Effect::SaveDefinition { .. }
            | Effect::DiscardDraft { .. }
    );
    writes_here || writes_to_cluster(effect)
}

/// A model and the effects that it asked for since they were last looked at.
pub struct Stage {
    pub model: Model,
    pub effects: Vec<Effect>,
}

impl Stage {
    /// Binds keys as a `[keys]` section of the settings does, in place of what was bound.
    pub fn bind(&mut self, settings: &str) {
        self.model.keymap = Keymap::new(&toml::from_str(settings).unwrap());
    }

    /// Returns what was told last.
    pub fn told(&self) -> Option<&str> {
        let status = self.model.status.as_ref();
        status.map(|status| status.text.as_str())
    }

    /// Returns the menu in front.
    pub fn menu(&self) -> &Menu {
        match &self.model.popup {
            Some(Popup::Menu(menu)) => menu,
            other => panic!("no menu is in front: {other:?}"),
        }
    }

    /// Returns the command that was noted last.
    pub fn last_command(&self) -> Option<&str> {
        self.model.log.last().map(|entry| entry.command.as_str())
    }

    /// Notes an operation of somebody else on an instance.
    pub fn noted(&mut self, id: &str, operation: Operation) {
        let instance = self.model.fleet.get(&key(id));
        let mut record = instance.unwrap().record().unwrap().clone();
        record.operation = Some(operation);
        self.overview(vec![WatchEvent::Records(vec![Delta::Applied(record)])]);
        self.model.settle();
    }

    /// Begins: nothing is known.
    pub fn empty() -> Self {
        let mut model = Model::new(now(), false, None);
        let effects = begin(&mut model, None);
        Self { model, effects }
    }

    /// Connected, with four services of different states and one definition that is not deployed.
    pub fn with_services() -> Self {
        let mut stage = Self::empty();
        stage.connected();
        stage.catalogue(&["billing", "notebook", "orders-db", "web"]);
        stage.overview(overview());
        stage.model.settle();
        stage.take_effects();
        stage
    }

    pub fn connected(&mut self) {
        self.connected_to("kind-dev");
    }

    pub fn connected_to(&mut self, context: &str) {
        self.send(Msg::Connected {
            epoch: self.epoch(),
            context: context.to_owned(),
            cluster: context.to_owned(),
            has_context: true,
            namespace: "team-a".parse().unwrap(),
            is_insecure: false,
            guard: Default::default(),
        });
    }

    pub fn catalogue(&mut self, names: &[&str]) {
        let entry = |name: &&str| CatalogueEntry {
            name: name.parse().unwrap(),
            hash: if *name == "orders-db" {
                "edited".to_owned()
            } else {
                format!("hash of {name}")
            },
            image: (*name == "notebook").then(|| "jupyter:latest".to_owned()),
            namespace: None,
        };
        let entries = names.iter().map(entry).collect();
        self.send(Msg::CatalogueListed(Ok(CatalogueListing {
            entries,
            ..CatalogueListing::default()
        })));
    }

    pub fn overview(&mut self, events: Vec<WatchEvent>) {
        for event in events {
            self.send(Msg::Overview {
                epoch: self.epoch(),
                event,
            });
        }
    }

    /// The selection rests, and the selected instance's watches report.
    pub fn rest(&mut self) {
        self.follow();
        let clock = self.model.clock + Duration::from_millis(500);
        self.send(Msg::Tick { now: now(), clock });
        if let Some(key) = self.model.selected_instance().cloned() {
            for event in detail_of(key.id.as_str()) {
                self.send(Msg::InstanceEvent {
                    epoch: self.epoch(),
                    key: key.clone(),
                    event,
                });
            }
        }
        self.model.settle();
    }

    pub fn epoch(&self) -> Epoch {
        self.model.session.epoch
    }

    /// Answers the check of the edited text as it stands.
    pub fn checked(&mut self) {
        let pane = self.model.editor().unwrap();
        let (editor, open) = (pane.id, pane.editor().unwrap());
        let (revision, text) = (open.revision(), open.text());
        let diagnostics = check(&text, &Default::default()).diagnostics;
        self.send(Msg::Checked {
            editor,
            revision,
            diagnostics,
        });
    }

    /// Sends a message. A key that has something written by a menu must answer a question: those are not answered unseen.
    pub fn send(&mut self, msg: Msg) {
        let unguarded = match (&msg, &self.model.popup) {
            (Msg::Key(_), Some(popup @ Popup::Menu(menu))) if popup.question().is_none() => {
                // An action asks by itself where there is something to ask.
                let is_action = |item: &MenuItem| matches!(item.choice, Choice::Action(_));
                let are_actions = menu.items.iter().any(is_action);
                (!are_actions).then(|| menu.title.clone())
            }
            _ => None,
        };
        let effects = update(&mut self.model, msg);
        if let Some(title) = unguarded {
            let written = effects.iter().find(|effect| writes(effect));
            assert_eq!(written, None, "{title:?} is answered unseen");
        }
        self.effects.extend(effects);
    }

    /// Presses keys, written as in the key map, with spaces between.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split(' ') {
            let event = event(key);
            self.send(Msg::Key(event));
        }
        self.model.settle();
        self
    }

    /// Types a text.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Msg::Key(KeyEvent::new(
                KeyCode::Char(c),
                KeyModifiers::NONE,
            )));
        }
        self.model.settle();
        self
    }

    /// Does what is done before every frame.
    pub fn follow(&mut self) {
        self.effects.extend(follow_selection(&mut self.model));
    }

    /// Lets time go by.
    pub fn wait(&mut self, time: Duration) {
        let (now, clock) = (self.model.now + time, self.model.clock + time);
        self.send(Msg::Tick { now, clock });
    }

    /// Returns what was asked for; what is asked no further goes without saying.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        let effects = self.take_all_effects().into_iter();
        let is_more = |effect: &Effect| !matches!(effect, Effect::GiveUp(_));
        effects.filter(is_more).collect()
    }

    /// Returns what was asked for, and what is asked no further.
    pub fn take_all_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}

fn event(key: &str) -> KeyEvent {
    let (modifiers, name) = match (key.strip_prefix('^'), key.strip_prefix("alt-")) {
        (Some(rest), _) if !rest.is_empty() => (KeyModifiers::CONTROL, rest),
        (_, Some(rest)) => (KeyModifiers::ALT, rest),
        _ => (KeyModifiers::NONE, key),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "shift-tab" => KeyCode::BackTab,
        "space" => KeyCode::Char(' '),
        "down" => KeyCode::Down,
        "up" => KeyCode::Up,
        "pgdn" => KeyCode::PageDown,
        "pgup" => KeyCode::PageUp,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "backspace" => KeyCode::Backspace,
        "F1" => KeyCode::F(1),
        "F8" => KeyCode::F(8),
        "F20" => KeyCode::F(20),
        name => {
            let mut chars = name.chars();
            let (Some(c), None) = (chars.next(), chars.next()) else {
                panic!("no key {key}");
            };
            KeyCode::Char(c)
        }
    };
    KeyEvent::new(code, modifiers)
}

pub fn workload(
    id: &str,
    (ready, wanted): (u32, u32),
    image: &str,
    created: Timestamp,
) -> Workload {
    Workload {
        instance: key(id),
        kind: WorkloadKind::Deployment,
        name: id.to_owned(),
        uid: format!("w-{id}"),
        created,
        deletion: None,
        generation: 1,
        observed_generation: 1,
        wanted,
        replicas: wanted,
        updated: wanted,
        held_back: 0,
        ready,
        available: ready,
        images: vec![image.to_owned()],
        revision: None,
        has_deadline: false,
        blocked: None,
        is_suspended: false,
        owned: None,
        has_foreign: false,
    }
}

fn record(id: &str, revision: u32, created: Timestamp) -> Record {
    Record {
        created,
        revision: Some(revision),
        definition_hash: Some(format!("hash of {id}")),
        is_protected: id == "orders-db",
        expires: (id == "ml-resnet").then(|| now() + Duration::from_secs(6 * 3600)),
        ..Record::bare(key(id))
    }
}

pub fn claim(id: &str, size: &str) -> Claim {
    Claim {
        instance: key(id),
        name: format!("data-{id}-0"),
        uid: format!("c-{id}"),
        created: ago(9 * 86_400),
        deletion: None,
        phase: "Bound".to_owned(),
        requested: size.to_owned(),
        capacity: Some(size.to_owned()),
        storage_class: Some("standard".to_owned()),
        volume: Some("pvc-0b1d".to_owned()),
        access_modes: vec!["RWO"],
        growth: None,
        is_member: false,
    }
}

/// A volume that a teardown of `id` retained.
pub fn retained(id: &str, size: &str) -> RetainedVolume {
    RetainedVolume {
        instance: key(id),
        claim: format!("data-{id}-0"),
        volume: format!("pvc-of-{id}"),
        size: size.to_owned(),
        phase: "Released".to_owned(),
        storage_class: Some("standard".to_owned()),
        reclaim_policy: Some("Retain".to_owned()),
        former_policy: Some("Delete".to_owned()),
        created: ago(9 * 86_400),
        is_going: false,
    }
}

pub fn pod_row(name: &str, ready: u32, status: &str, restarts: u32) -> PodRow {
    PodRow {
        name: name.to_owned(),
        ready,
        containers: 1,
        status: status.to_owned(),
        restarts,
        created: ago(150),
        is_scheduled: true,
    }
}

/// What the watches of all instances report at first.
pub fn overview() -> Vec<WatchEvent> {
    let workloads = vec![
        workload("web", (3, 3), "nginx:1.27", ago(4 * 86_400)),
        workload("orders-db", (1, 1), "postgres:16", ago(9 * 86_400)),
        workload(
            "ml-resnet",
            (1, 2),
            "registry.example.com/resnet:42",
            ago(150),
        ),
        workload("billing", (0, 1), "billing:oops", ago(3600)),
    ];
    let records = vec![
        record("web", 7, ago(4 * 86_400)),
        record("orders-db", 2, ago(9 * 86_400)),
        record("ml-resnet", 12, ago(150)),
        record("billing", 3, ago(3600)),
    ];
    let rows = vec![
        pod_row("web-6d9c9c5b8-4bqzd", 1, "Running", 0),
        pod_row("web-6d9c9c5b8-7ckvn", 1, "Running", 0),
        pod_row("web-6d9c9c5b8-xt2hm", 1, "Running", 0),
        pod_row("orders-db-5f7c8d9b6-lw9sj", 1, "Running", 2),
        pod_row("ml-resnet-7b8c9d6f5-m5rtg", 1, "Running", 0),
        pod_row("ml-resnet-7b8c9d6f5-zn8bp", 0, "ContainerCreating", 0),
        pod_row("billing-6d9c9c5b8-x2x7p", 0, "ImagePullBackOff", 17),
    ];
    let namespace = key("web").namespace;
    let applied = |rows: Vec<PodRow>| vec![Delta::Reset(rows)];
    let mut events = vec![
        WatchEvent::Records(vec![Delta::Reset(records)]),
        WatchEvent::Workloads(WorkloadKind::Deployment, vec![Delta::Reset(workloads)]),
        WatchEvent::Workloads(WorkloadKind::StatefulSet, vec![Delta::Reset(Vec::new())]),
        WatchEvent::Claims(vec![Delta::Reset(vec![claim("orders-db", "2Gi")])]),
        WatchEvent::PodRows(namespace.clone(), applied(rows)),
    ];
    let topics = [
        Topic::Records,
        Topic::Workloads(WorkloadKind::Deployment),
        Topic::Workloads(WorkloadKind::StatefulSet),
        Topic::Claims,
        Topic::PodRows(namespace),
    ];
    events.extend(topics.map(|topic| WatchEvent::Link {
        topic,
        state: LinkState::Live,
    }));
    events
}

fn pod(id: &str, name: &str, waiting: Option<(&str, &str)>) -> Pod {
    Pod {
        instance: key(id),
        name: name.to_owned(),
        uid: name.to_owned(),
        created: ago(3600),
        deletion: None,
        phase: if waiting.is_some() {
            "Pending"
        } else {
            "Running"
        }
        .to_owned(),
        reason: waiting.map(|(reason, _)| reason.to_owned()),
        message: waiting.map(|(_, message)| message.to_owned()),
        node: Some("node-1".to_owned()),
        revision: None,
        unschedulable_since: None,
        ready_changed: None,
        containers: vec![Container {
            name: "main".to_owned(),
            init: false,
            image: "billing:oops".to_owned(),
            ready: waiting.is_none(),
            started: waiting.is_none(),
            restarts: 0,
            state: match waiting {
                Some((reason, message)) => ContainerState::Waiting {
                    reason: reason.to_owned(),
                    message: message.to_owned(),
                },
                None => ContainerState::Running,
            },
            last_end: None,
            requests: Amounts {
                cpu: Some(100_000_000),
                memory: None,
            },
            limits: Amounts {
                cpu: Some(500_000_000),
                memory: Some(256 << 20),
            },
        }],
    }
}

fn detail_of(id: &str) -> Vec<WatchEvent> {
    let is_broken = id == "billing";
    let waiting = is_broken.then_some((
        "ImagePullBackOff",
        "registry.example.com has no billing:oops",
    ));
    let claims = if id == "orders-db" {
        vec![claim(id, "2Gi")]
    } else {
        Vec::new()
    };
    let event = Event {
        namespace: key(id).namespace,
        name: format!("{id}.1"),
        object_kind: "Pod".to_owned(),
        object_name: format!("{id}-6d9c9c5b8-x2x7p"),
        object_uid: String::new(),
        is_warning: is_broken,
        reason: if is_broken { "Failed" } else { "Started" }.to_owned(),
        message: if is_broken {
            "Failed to pull image \"billing:oops\""
        } else {
            "Started container main"
        }
        .to_owned(),
        count: 4,
        last_seen: ago(75),
        source: "kubelet".to_owned(),
    };
    let row = |kind: &str, name: String, owner: Option<&str>| ObjectRow {
        instance: key(id),
        key: object(kind, &name),
        uid: name,
        created: ago(3600),
        deletion: None,
        has_foreign: false,
        set: owner
            .is_none()
            .then(|| naming::instance_applyset_id(&key(id).id, &key(id).namespace)),
        owner: owner.map(str::to_owned),
        standing: None,
    };
    let of_kind = |group: &str, kind: &str, rows| {
        WatchEvent::Objects(GroupKind::new(group, kind), vec![Delta::Reset(rows)])
    };
    let set = format!("{id}-6d9c9c5b8");
    let (workload_name, set_name) = (format!("Deployment/{id}"), format!("ReplicaSet/{set}"));
    let maps = ["", ".r1", ".r2"].map(|end| row("ConfigMap", format!("bowline-{id}{end}"), None));
    let maps = maps.into();
    let topics = [
        Topic::Pods,
        Topic::Workloads(WorkloadKind::Deployment),
        Topic::Workloads(WorkloadKind::StatefulSet),
        Topic::Claims,
        Topic::Records,
        Topic::Events,
    ];
    let mut events: Vec<_> = topics
        .map(|topic| WatchEvent::Link {
            topic,
            state: LinkState::Live,
        })
        .into();
    events.extend([
        WatchEvent::Pods(vec![Delta::Reset(vec![pod(
            id,
            &format!("{id}-6d9c9c5b8-x2x7p"),
            waiting,
        )])]),
        WatchEvent::Workloads(
            WorkloadKind::Deployment,
            vec![Delta::Reset(vec![workload(
                id,
                (u32::from(!is_broken), 1),
                "billing:oops",
                ago(3600),
            )])],
        ),
        WatchEvent::Claims(vec![Delta::Reset(claims)]),
        WatchEvent::Events(vec![Delta::Reset(vec![event])]),
        of_kind("", "Service", vec![row("Service", id.to_owned(), None)]),
        of_kind(
            "apps",
            "Deployment",
            vec![row("Deployment", id.to_owned(), None)],
        ),
        of_kind(
            "apps",
            "ReplicaSet",
            vec![row("ReplicaSet", set.clone(), Some(&workload_name))],
        ),
        of_kind(
            "",
            "Pod",
            vec![row("Pod", format!("{set}-x2x7p"), Some(&set_name))],
        ),
        of_kind("", "ConfigMap", maps),
    ]);
    events
}

/// A plan that creates, updates, keeps and deletes.
pub fn deploy_plan(id: &str) -> DeployPlan {
    let line = |side, text: &str| DiffLine {
        side,
        text: text.to_owned(),
    };
    let planned = |kind: &str, name: &str, change, difference, note: Option<&str>| PlannedObject {
        key: object(kind, name),
        change,
        live_uid: None,
        difference,
        note: note.map(str::to_owned),
    };
    DeployPlan {
        instance: key(id),
        revision: 8,
        objects: vec![
            planned("Service", id, Change::Unchanged, Vec::new(), None),
            planned(
                "Deployment",
                id,
                Change::Update,
                vec![
                    line(DiffSide::Both, "spec:"),
                    line(DiffSide::Gap, "12 lines"),
                    line(DiffSide::Old, "        image: nginx:1.26"),
                    line(DiffSide::New, "        image: nginx:1.27"),
                ],
                Some("its pods are replaced"),
            ),
            planned(
                "ConfigMap",
                &format!("{id}-config"),
                Change::Create,
                vec![line(DiffSide::New, "data:")],
                None,
            ),
            planned(
                "Ingress",
                id,
                Change::Delete,
                Vec::new(),
                Some("left the definition"),
            ),
        ],
        warnings: vec!["the image has no fixed tag".to_owned()],
        conflicts: Vec::new(),
        takes_conflicts: false,
        yielded: Vec::new(),
        replaces: None,
        refusals: Vec::new(),
        unanswered: Vec::new(),
        kept_answers: Vec::new(),
        offers: Vec::new(),
        storage: StoragePlan::default(),
        kept_replicas: Vec::new(),
        is_record_exact: false,
        is_noted: false,
        is_adoptable: false,
        unlisted_namespaces: Default::default(),
        record_uid: None,
        record_version: None,
        unlisted: BTreeSet::new(),
        secret_revision: None,
        parameters: [("size", "small"), ("x", "1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        text_hash: String::new(),
    }
}

/// The fate of an instance with one claim.
pub fn teardown_plan(id: &str, volumes: VolumeChoice) -> TeardownPlan {
    let row = |kind: &str, name: &str, fate, claim| FateRow {
        key: object(kind, name),
        uid: String::new(),
        fate,
        leaves_claims: false,
        claim,
    };
    let (fate, data) = match volumes {
        VolumeChoice::Keep => (Fate::Kept("volumes keep".to_owned()), DataFate::Retained),
        VolumeChoice::Delete => (Fate::Deleted, DataFate::Destroyed),
        VolumeChoice::Retain => (Fate::Deleted, DataFate::Retained),
    };
    let claim = ClaimFate {
        size: "2Gi".to_owned(),
        volume: Some("pvc-0b1d".to_owned()),
        retained_from: None,
        reclaim_policy: Some("Delete".to_owned()),
        data,
    };
    TeardownPlan {
        instance: key(id),
        volumes,
        scope: TeardownScope::Instance,
        retentions: Vec::new(),
        releases: Vec::new(),
        named: BTreeSet::new(),
        record_version: Some("1".to_owned()),
        is_noted: false,
        is_barred: false,
        caution: Caution::None,
        n_strangers: 0,
        hides_strangers: false,
        rows: vec![
            row("StatefulSet", id, Fate::Deleted, None),
            row(
                "Pod",
                &format!("{id}-0"),
                Fate::GarbageCollected(format!("StatefulSet/{id}")),
                None,
            ),
            row(
                "PersistentVolumeClaim",
                &format!("data-{id}-0"),
                fate,
                Some(claim),
            ),
            row("Service", id, Fate::Deleted, None),
            row("ConfigMap", &format!("bowline-{id}"), Fate::Deleted, None),
        ],
        warnings: Vec::new(),
        refusals: Vec::new(),
    }
}

/// Returns what watches report where nothing is deployed.
pub fn overview_of_nothing() -> Vec<WatchEvent> {
    let workloads = |kind| WatchEvent::Workloads(kind, vec![Delta::Reset(Vec::new())]);
    vec![
        WatchEvent::Records(vec![Delta::Reset(Vec::new())]),
        workloads(WorkloadKind::Deployment),
        workloads(WorkloadKind::StatefulSet),
        WatchEvent::Claims(vec![Delta::Reset(Vec::new())]),
    ]
}
