//! What the engine would answer: histories, rollbacks, restores, scales and restarts, what others changed.

use std::collections::BTreeMap;

use super::{ago, deploy_plan, key, object, record, workload};
use crate::app::msg::PlannedPull;
use crate::catalogue::Digest;
use crate::definition::check::{CheckContext, check};
use crate::engine::adjust::{AdjustPlan, Adjustment, Means, PlannedWorkload};
use crate::engine::deploy::DeployRequest;
use crate::engine::history::{History, Revision};
use crate::engine::plan::{Change, DiffLine, DiffSide, PlannedObject};
use crate::engine::pull::{Left, PullPlan, Pulled};
use crate::engine::remedy::Remedies;
use crate::engine::restore::RestorePlan;
use crate::engine::rollback::RollbackPlan;
use crate::engine::routes::{PlannedRoute, RoutePlan};
use crate::secret::{SecretQuestion, SecretValues};
use crate::service::drift::{
    Changes, FieldChange, FieldPath, MASK, ObjectChange, Presence, Setter, Step,
};
use crate::service::protection::Caution;
use crate::service::summary::Workload;
use crate::service::watch::{Delta, WatchEvent};

/// Records whose current revisions are these.
pub fn records_with(revisions: &[(&str, u32)]) -> WatchEvent {
    let records = revisions
        .iter()
        .map(|(id, revision)| record(id, *revision, ago(60)));
    WatchEvent::Records(records.map(Delta::Applied).collect())
}

/// What a definition asks for the value of that name.
pub fn secret_question(text: &str) -> SecretQuestion {
    SecretQuestion {
        key: Some(text.to_lowercase()),
        text: text.to_owned(),
    }
}

/// Revisions of which the first was applied by Ann, a minute apart.
pub fn history(id: &str, numbers: &[u32], current: Option<u32>) -> History {
    let revision = |&number: &u32| Revision {
        number,
        definition: Some(id.parse().unwrap()),
        applied_at: Some(ago(60 * u64::from(100 - number))),
        applied_by: Some("ann@bastion 42".to_owned()),
        applied_as: Some("ann@example.com".to_owned()),
        cause: (number == numbers[0]).then(|| "more memory".to_owned()),
        parameters: BTreeMap::new(),
        damage: None,
    };
    History {
        instance: key(id),
        current,
        revisions: numbers.iter().map(revision).collect(),
        unfinished: numbers
            .iter()
            .copied()
            .filter(|number| current.is_none_or(|current| *number > current))
            .collect(),
    }
}

fn request(id: &str) -> DeployRequest {
    let text = "containers: [{name: main, image: \"nginx:1.27\"}]\n";
    DeployRequest {
        definition: check(text, &CheckContext::default()).definition.unwrap(),
        text: text.to_owned(),
        name: id.parse().unwrap(),
        id: id.parse().unwrap(),
        namespace: key(id).namespace,
        parameters: BTreeMap::new(),
        ingress_host: None,
        gpus: BTreeMap::new(),
        secrets: SecretValues::default(),
        yields: false,
        remedies: Remedies::default(),
        message: None,
        holder: "ann@bastion 42".to_owned(),
    }
}

/// The plan of going back to a revision; no pod hangs.
pub fn rollback_plan(id: &str, target: u32) -> RollbackPlan {
    RollbackPlan {
        target,
        request: request(id),
        deploy: deploy_plan(id),
        hanging: Vec::new(),
        caution: Caution::None,
    }
}

/// The plan of putting back what was taken down.
pub fn restore_plan(id: &str) -> RestorePlan {
    RestorePlan {
        request: request(id),
        deploy: deploy_plan(id),
    }
}

/// The plan of a scale or a restart of so many replicas.
pub fn adjust_plan(id: &str, replicas: u32, adjustment: Adjustment) -> AdjustPlan {
    let means = match adjustment {
        Adjustment::Scale(_) => Means::Scale,
        Adjustment::Restart => Means::Annotate,
    };
    AdjustPlan {
        instance: key(id),
        adjustment,
        only: None,
        choices: Vec::new(),
        caution: Caution::None,
        n_lost: 0,
        workloads: vec![PlannedWorkload {
            key: object("Deployment", id),
            uid: format!("w-{id}"),
            replicas,
            means,
        }],
        conflicts: Vec::new(),
        yielded: Vec::new(),
        warnings: Vec::new(),
        refusals: Vec::new(),
        begun: None,
    }
}

/// The plan of routes, of which one changes.
pub fn route_plan(id: &str) -> RoutePlan {
    let line = |side, text: &str| DiffLine {
        side,
        text: text.to_owned(),
    };
    let ingress = PlannedObject {
        key: object("Ingress", id),
        change: Change::Update,
        live_uid: Some(format!("i-{id}")),
        difference: vec![
            line(DiffSide::Both, "spec:"),
            line(DiffSide::Old, "  - host: old.example.com"),
            line(DiffSide::New, "  - host: new.example.com"),
        ],
        note: None,
    };
    RoutePlan {
        is_undeployed: false,
        instance: key(id),
        revision: Some(3),
        ingress_host: None,
        caution: Caution::None,
        routes: vec![PlannedRoute::shown(ingress)],
        conflicts: Vec::new(),
        warnings: Vec::new(),
        refusals: Vec::new(),
    }
}

/// What a pull of an image would write.
pub fn planned_pull(id: &str) -> PlannedPull {
    let line = |side, text: &str| DiffLine {
        side,
        text: text.to_owned(),
    };
    let definition = |tag: &str| format!("containers: [{{name: main, image: \"nginx:{tag}\"}}]\n");
    let changes = changes(id);
    PlannedPull {
        plan: PullPlan {
            instance: key(id),
            name: id.parse().unwrap(),
            text: definition("1.28"),
            difference: vec![
                line(
                    DiffSide::Old,
                    "containers: [{name: main, image: \"nginx:1.27\"}]",
                ),
                line(
                    DiffSide::New,
                    "containers: [{name: main, image: \"nginx:1.28\"}]",
                ),
            ],
            pulled: vec![Pulled {
                key: object("Deployment", id),
                field: changes.objects[0].fields[0].clone(),
            }],
            left: vec![Left {
                key: object("Service", id),
                field: None,
                why: "somebody deleted it: a deploy makes it again".to_owned(),
            }],
            remarks: Vec::new(),
            replaces_pods: false,
            leaves_replicas_open: false,
        },
        former: definition("1.27"),
        base: Digest::of(definition("1.27").as_bytes()),
    }
}

/// The Deployment of an instance, as whoever wrote it last left it.
pub fn live_workload(id: &str, generation: i64, has_foreign: bool) -> Workload {
    Workload {
        generation,
        observed_generation: generation,
        has_foreign,
        ..workload(id, (1, 1), "nginx:1.27", ago(3600))
    }
}

/// An image and a secret that others set, and a Service that they deleted.
pub fn changes(id: &str) -> Changes {
    let field = |name: &str| Step::Field(name.to_owned());
    let changed = |path, (wanted, live): (&str, &str), manager: &str, seconds| FieldChange {
        path: FieldPath(path),
        wanted: Some(wanted.into()),
        live: Some(live.into()),
        managers: vec![Setter {
            manager: manager.to_owned(),
            at: Some(ago(seconds)),
        }],
    };
    let path = ["spec", "template", "spec", "containers"].map(field);
    let item = Step::Item(vec![("name".to_owned(), "main".into())]);
    let image: Vec<Step> = path.into_iter().chain([item, field("image")]).collect();
    let object = |kind, name: &str, presence, fields| ObjectChange {
        key: object(kind, name),
        presence,
        fields,
    };
    let images = ("nginx:1.27", "nginx:1.28");
    let image = changed(image, images, "kubectl-edit", 180);
    let token = vec![field("data"), field("token")];
    let token = FieldChange {
        wanted: None,
        ..changed(token, ("", MASK), "kubectl-patch", 7200)
    };
    let secret = format!("{id}-secrets");
    Changes {
        objects: vec![
            object("Deployment", id, Presence::There, vec![image]),
            object("Secret", &secret, Presence::There, vec![token]),
            object("Service", id, Presence::Missing, Vec::new()),
        ],
        remarks: Vec::new(),
    }
}
