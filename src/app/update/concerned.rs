//! Events and what they concern: from a pod or a claim to what was said of it, and back.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::panes::detail::{Concerned, Tab};
use crate::service::pod_choice;
use crate::service::summary::Event;

use super::cluster;

/// Shows the events of the selected object alone; among the events, the object that the selected one concerns.
pub(super) fn go(model: &mut Model) -> Vec<Effect> {
    let pane = &model.detail_pane;
    let of_kind = |kind: &str, name: Option<&String>| {
        name.map(|name| Concerned {
            kind: kind.to_owned(),
            name: name.clone(),
        })
    };
    let concerned = match pane.tab {
        Tab::Pods => {
            let selected = pane.pods.selected();
            let own = model.selected_instance().map(|key| &key.namespace);
            let name = selected.zip(own);
            let name = name.map(|(label, own)| pod_choice::place(label, own).1.to_owned());
            of_kind("Pod", name.as_ref())
        }
        Tab::Volumes => of_kind("PersistentVolumeClaim", pane.volumes.selected()),
        Tab::Events => return to_object(model),
        Tab::Objects => model
            .chosen_object()
            .zip(model.selected_instance())
            .and_then(|((kind, label), instance)| {
                let (_, name) = pod_choice::place(label, &instance.namespace);
                of_kind(kind, Some(&name.to_owned()))
            }),
        Tab::Logs | Tab::Definition | Tab::History => None,
    };
    if let Some(concerned) = concerned {
        model.detail_pane.events_of = Some(concerned);
        model.detail_pane.tab = Tab::Events;
        model.is_stale = true;
    }
    cluster::follow_selection(model)
}

fn to_object(model: &mut Model) -> Vec<Effect> {
    let Some(event) = selected_event(model).cloned() else {
        return Vec::new();
    };
    let own = model.selected_instance().map(|key| &key.namespace);
    let label = match own.is_none_or(|own| *own == event.namespace) {
        true => event.object_name.clone(),
        false => format!("{}/{}", event.namespace, event.object_name),
    };
    let pane = &mut model.detail_pane;
    pane.tab = match event.object_kind.as_str() {
        "Pod" => Tab::Pods,
        "PersistentVolumeClaim" => Tab::Volumes,
        _ => Tab::Objects,
    };
    // A filter may hide it.
    if let Some(table) = pane.table_mut() {
        table.set_filter("");
    }
    let is_there = match pane.tab {
        Tab::Pods => pane.pods.select(&label),
        Tab::Volumes => pane.volumes.select(&event.object_name),
        _ => {
            let row = pane.objects.table.rows().find(|row| {
                let parts: Vec<&str> = row.key.rsplitn(3, '/').collect();
                parts.starts_with(&[event.object_name.as_str(), event.object_kind.as_str()])
            });
            let key = row.map(|row| row.key.clone());
            key.is_some_and(|key| pane.objects.table.select(&key))
        }
    };
    if !is_there {
        let (kind, name) = (event.object_kind, event.object_name);
        model.decline(format!("{kind}/{name} is not there any more."));
    }
    cluster::follow_selection(model)
}

fn selected_event(model: &Model) -> Option<&Event> {
    let name = model.detail_pane.events.selected()?;
    let events = model.selected_detail()?.events();
    events.iter().find(|event| event.name == *name)
}
