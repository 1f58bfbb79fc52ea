//! Where a shell could be opened.

use crate::app::effect::ShellPlace;
use crate::app::model::Model;
use crate::service::pod_choice;
use crate::service::summary::{ContainerState, Pod};
use crate::service::watch::{LinkState, Topic};

/// Returns the containers that run, of the pod that is selected where the keys go to the pods' tab, else of the one that
/// does best; none where the pods are not known, so that they have to be asked for.
pub(in crate::app) fn places(model: &Model) -> Option<Vec<ShellPlace>> {
    let (key, detail) = (model.selected_instance()?, model.selected_detail()?);
    if !matches!(detail.link(&Topic::Pods), LinkState::Live) {
        return None;
    }
    let pod = match model.chosen_pod() {
        Some(name) => {
            let is_it = |pod: &&Pod| pod_choice::label(pod, &key.namespace) == name;
            detail.pods().iter().find(is_it)
        }
        None => pod_choice::best(detail.pods(), &key.namespace),
    };
    let containers = pod.into_iter().flat_map(|pod| {
        let running = pod.containers.iter();
        let running = running.filter(|it| it.state == ContainerState::Running);
        running.map(|container| ShellPlace {
            key: key.clone(),
            pod: pod_choice::label(pod, &key.namespace),
            container: container.name.clone(),
        })
    });
    Some(containers.collect())
}
