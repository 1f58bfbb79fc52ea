//! The connection and what its watches report.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::{Epoch, OpId};
use crate::app::panes::detail::{ShownDefinition, Tab};
use crate::app::session::SessionLink;
use crate::definition::id::Namespace;
use crate::failure::Failure;
use crate::guard::Guard;
use crate::service::detail::Detail;
use crate::service::fleet::Fleet;
use crate::service::rights::Rights;
use crate::service::summary::InstanceKey;
use crate::service::watch::{Scope, Topic, WatchEvent};

use super::{changes, history, logs, objects, rights, usage};

/// How long the selection rests on an instance before it is watched in full.
const WATCH_AFTER: Duration = Duration::from_millis(120);
/// Between the first attempts to connect.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Between later ones.
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Begins a connection in place of the present one, of which nothing is shown any more.
pub(super) fn connect(model: &mut Model, context: Option<String>) -> Vec<Effect> {
    forget(model);
    model.knowledge.forget();
    let now = model.clock;
    if let Some(pane) = model.editor_mut() {
        pane.forget_instance(now);
    }
    let session = &mut model.session;
    session.context = context.clone().unwrap_or_default();
    session.has_context = true;
    session.wanted_context = context;
    session.cluster.clear();
    session.uid = None;
    session.namespaces = None;
    session.guard = Guard::default();
    session.scope = None;
    session.n_failed = 0;
    vec![try_to_connect(model)]
}

/// Shows another namespace, or all.
pub(super) fn show_scope(model: &mut Model, scope: Scope) -> Vec<Effect> {
    if model.session.scope.as_ref() == Some(&scope) {
        return Vec::new();
    }
    forget(model);
    // Watches of the earlier scope may still report: they are of an earlier epoch from here on.
    model.session.epoch.0 += 1;
    model.session.scope = Some(scope.clone());
    let epoch = model.session.epoch;
    let mut effects = vec![
        Effect::WatchInstance { epoch, key: None },
        Effect::WatchOverview { epoch, scope },
    ];
    effects.extend(ask_rights(model));
    effects.extend(ask_labels(model));
    effects
}

fn forget(model: &mut Model) {
    model.session.protection = None;
    model.returning.clear();
    model.fleet = Fleet::new();
    let definitions = model
        .catalogue
        .entries
        .iter()
        .map(|entry| (entry.name.clone(), entry.hash.clone()));
    model
        .fleet
        .set_definitions(definitions.collect::<Vec<_>>(), model.now);
    model.nodes = Default::default();
    model.rights.clear();
    model.detail = None;
    model.detail_pane.history.forget();
    model.detail_pane.changes.forget();
    model.detail_pane.usage.forget();
    model.services.forget_labels();
    model.resting = None;
    model.services.table.clear_marks();
    model.is_stale = true;
}

pub(super) fn on_connected(
    model: &mut Model,
    epoch: Epoch,
    (context, cluster): (String, String),
    namespace: Namespace,
    (is_insecure, guard): (bool, Guard),
) -> Vec<Effect> {
    if epoch != model.session.epoch {
        return Vec::new();
    }
    let session = &mut model.session;
    session.context = context;
    session.cluster = cluster;
    session.link = SessionLink::Connected;
    session.n_failed = 0;
    (session.is_insecure, session.guard) = (is_insecure, guard);
    // What was told before the connection was lost may have changed since; it is asked for with the watches.
    session.protection = None;
    let asked = session.asked_namespace.take_if(|it| *it != namespace);
    let told = asked.filter(|_| session.scope.is_none());
    let told = told.map(|asked| {
        let place = format!("{} ▸ {namespace}", model.session.context);
        let way = model.hint(Action::Namespace, "chooses another");
        format!(
            "{place}: {asked} was asked for at the start, and held for the context of then.{way}"
        )
    });
    let session = &mut model.session;
    let scope = session
        .scope
        .get_or_insert(Scope::Namespace(namespace))
        .clone();
    if let Some(told) = told {
        model.tell(told);
    }
    model.is_stale = true;
    let mut effects = vec![Effect::WatchOverview { epoch, scope }];
    effects.extend(ask_rights(model));
    effects.extend(ask_labels(model));
    effects
}

/// Asks what this user may do here; until that is known, nothing is said to be forbidden.
fn ask_rights(model: &mut Model) -> Option<Effect> {
    model.session.rights = Rights::default();
    let namespace = model.session.namespace()?.clone();
    let epoch = model.session.epoch;
    Some(Effect::AskWriteRights { epoch, namespace })
}

/// Asks which instances have the labels that the filter wants.
pub(super) fn ask_labels(model: &mut Model) -> Option<Effect> {
    let selector = model.services.wanted_labels()?.to_owned();
    let namespace = model.session.namespace().cloned();
    let op = model.next_op();
    model.services.ask_labels(op);
    Some(Effect::SelectLabels {
        op,
        namespace,
        selector,
    })
}

pub(super) fn on_labels_selected(
    model: &mut Model,
    op: OpId,
    result: Result<BTreeSet<InstanceKey>, Failure>,
) -> Vec<Effect> {
    if !model.services.asks_labels(op) {
        return Vec::new();
    }
    if let Err(failure) = &result {
        model.decline(failure.summary.clone());
    }
    model.services.on_labels_selected(result);
    model.is_stale = true;
    follow_selection(model)
}

/// Takes which cluster it is. One that is reached again under the same name may be another one.
pub(super) fn on_identified(model: &mut Model, epoch: Epoch, uid: Option<String>) -> Vec<Effect> {
    if uid.is_none() || epoch != model.session.connection {
        return Vec::new();
    }
    let before = std::mem::replace(&mut model.session.uid, uid);
    if before.is_some() && before != model.session.uid {
        let context = model.session.context.clone();
        model.complain(format!("{context} is another cluster than it was before."));
    }
    Vec::new()
}

pub(super) fn on_connect_failed(model: &mut Model, epoch: Epoch, failure: Failure) -> Vec<Effect> {
    if epoch != model.session.epoch {
        return Vec::new();
    }
    let session = &mut model.session;
    let wait = FIRST_RETRY
        .saturating_mul(1 << session.n_failed.min(5))
        .min(LAST_RETRY);
    session.n_failed += 1;
    let retry_at = model.now.checked_add(wait).unwrap_or(model.now);
    session.link = SessionLink::Offline { failure, retry_at };
    Vec::new()
}

pub(super) fn on_overview(model: &mut Model, epoch: Epoch, event: WatchEvent) -> Vec<Effect> {
    if epoch != model.session.epoch {
        return Vec::new();
    }
    let tells_of_records = matches!(
        event,
        WatchEvent::Records(_)
            | WatchEvent::Link {
                topic: Topic::Records,
                ..
            }
    );
    model.is_stale |= model.fleet.apply(event, model.now);
    if tells_of_records {
        // At once: each beat counts, and so does each time in which none could be heard.
        model.operations_pane.hear(&model.fleet, model.clock);
    }
    Vec::new()
}

pub(super) fn on_instance_event(
    model: &mut Model,
    epoch: Epoch,
    key: &InstanceKey,
    event: WatchEvent,
) -> Vec<Effect> {
    if epoch == model.session.epoch
        && let Some(detail) = model.detail.as_mut().filter(|detail| detail.key() == key)
    {
        model.detail_pane.changes.on_event(detail, &event);
        detail.apply(event, model.now);
        model.detail_pane.objects.outdate();
        model.is_stale = true;
    }
    Vec::new()
}

/// Tries a connection that is lost without waiting for its next try.
pub(super) fn try_now(model: &mut Model) -> Option<Effect> {
    match model.session.link {
        SessionLink::Offline { .. } => Some(try_to_connect(model)),
        SessionLink::Connected => Some(Effect::TryWatches),
        SessionLink::Connecting => None,
    }
}

/// Begins a connection to the context that is wanted: what was asked of another one is no answer for it.
fn try_to_connect(model: &mut Model) -> Effect {
    let session = &mut model.session;
    session.epoch.0 += 1;
    session.link = SessionLink::Connecting;
    session.since = model.last_op;
    session.connection = session.epoch;
    Effect::Connect {
        epoch: session.epoch,
        context: session.wanted_context.clone(),
        after: Duration::ZERO,
    }
}

/// Does what is due: another attempt to connect, watching the instance that the selection rests on.
pub(super) fn on_tick(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    if model.session.next_retry().is_some_and(|at| at <= model.now) {
        effects.push(try_to_connect(model));
    }
    let rested = model.resting.take_if(|(_, at)| *at <= model.clock);
    effects.extend(rested.map(|(key, _)| watch(model, key)));
    effects
}

fn watch(model: &mut Model, key: Option<InstanceKey>) -> Effect {
    let epoch = model.session.epoch;
    model.detail = key.clone().map(Detail::new);
    model.is_stale = true;
    Effect::WatchInstance { epoch, key }
}

/// Follows the selection after it may have moved, by a key or with its row: its instance is watched once it rests, its
/// definition read at once.
pub(super) fn follow_selection(model: &mut Model) -> Vec<Effect> {
    model.settle();
    let is_connected = model.session.link == SessionLink::Connected;
    if model.detail.as_ref().map(Detail::key) == model.selected_instance() || !is_connected {
        model.resting = None;
    } else {
        let key = model.selected_instance().cloned();
        if model
            .resting
            .as_ref()
            .is_none_or(|(rests_on, _)| *rests_on != key)
        {
            model.resting = Some((key, model.clock + WATCH_AFTER));
        }
    }
    let mut effects = history::follow(model);
    effects.extend(changes::follow(model));
    effects.extend(objects::follow(model));
    effects.extend(logs::follow(model));
    effects.extend(usage::follow(model));
    effects.extend(rights::follow(model));
    if model.detail_pane.tab == Tab::Definition {
        effects.extend(show_definition(model));
    }
    effects
}

fn show_definition(model: &mut Model) -> Vec<Effect> {
    let Ok(name) = model.definition_of_selection() else {
        model.detail_pane.definition = None;
        return Vec::new();
    };
    if model
        .detail_pane
        .definition
        .as_ref()
        .is_some_and(|shown| shown.name == name)
    {
        return Vec::new();
    }
    model.detail_pane.definition = Some(ShownDefinition {
        name: name.clone(),
        text: None,
    });
    vec![Effect::ShowDefinition { name }]
}
