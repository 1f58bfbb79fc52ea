//! One look at the cluster, for commands that print and end: the same summaries as the watches', read once.

use futures::{StreamExt, stream};
use serde_json::Value;

use super::across::nowhere;
use super::kinds::{self, Resource};
use super::project::{EventObject, IngressObject, MountsObject, Project, ServiceObject};
use super::request::form_urlencoded;
use super::watch::concern::Concern;
use super::watch::decode::{Decode, Objects};
use super::watch::{self, Place, Subject, explain, parts};
use super::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::failure::{Failure, FailureKind};
use crate::service::address::Route;
use crate::service::claim_use::PodMounts;
use crate::service::detail::Detail;
use crate::service::fleet::Fleet;
use crate::service::summary::{Claim, Event, InstanceKey, ObjectRow, Pod, WorkloadKind};
use crate::service::watch::{Delta, LinkState, Scope, Topic, WatchEvent, apply_delta};
use crate::text;

/// Most instances whose pods are read in full because they may stand still for too long.
const MAX_STALLED: usize = 50;
/// How many nodes are looked at for one that has an address.
const NODES: u32 = 20;

impl Cluster {
    /// Reads all instances of a scope once. What this user may not list is noted in the fleet as forbidden.
    ///
    /// # Errors
    /// The server cannot be reached, or lets nothing be listed.
    pub async fn snapshot(&self, scope: &Scope) -> Result<Fleet, Failure> {
        let overview = self
            .across(scope.namespace(), |cluster, namespace| async move {
                let events = cluster.overview_once(namespace.as_ref()).await?;
                match (namespace, first_refusal(&events)) {
                    (None, Some(refusal)) => Err(refusal),
                    _ => Ok(events),
                }
            })
            .await?;
        let known: Vec<Namespace> = overview
            .answers
            .iter()
            .filter_map(|(namespace, _)| namespace.clone())
            .collect();
        let events = match overview.unseen {
            Some(unseen) => watch::merged(overview.answers, unseen),
            None => overview.answers.into_iter().flat_map(|it| it.1).collect(),
        };
        let (mut fleet, now) = (Fleet::new(), self.now());
        events.into_iter().for_each(|event| {
            fleet.apply(event, now);
        });
        let namespaces = match scope {
            Scope::Namespace(namespace) => vec![namespace.clone()],
            Scope::All => {
                let mut namespaces: Vec<Namespace> = fleet
                    .instances()
                    .map(|i| i.key().namespace.clone())
                    .collect();
                namespaces.dedup();
                namespaces
            }
        };
        let rows = stream::iter(namespaces)
            .map(async |namespace| self.once(watch::pod_rows_of(self, &namespace)).await)
            .buffered(super::MAX_IN_FLIGHT);
        let rows: Vec<_> = rows.collect().await;
        for events in rows {
            for event in events? {
                fleet.apply(event, now);
            }
        }
        for events in self.explanations(&fleet).await {
            fleet.apply(events, now);
        }
        fleet.judge_by_beats(now);
        self.date_shortages(&mut fleet).await;
        let forbidden = fleet
            .forbidden()
            .find(|(topic, _)| **topic != Topic::Elsewhere)
            .map(|(_, failure)| failure.clone());
        match forbidden {
            Some(failure) if fleet.instances().next().is_none() => Err(match scope {
                Scope::All => nowhere(&known, failure),
                Scope::Namespace(_) => failure,
            }),
            _ => Ok(fleet),
        }
    }

    /// Reads the pods of instances that may stand still for too long: one look sees no progress, and none that is missing.
    /// Where they are not to be had it stays with what was seen.
    async fn date_shortages(&self, fleet: &mut Fleet) {
        let now = self.now();
        let stalled = fleet.may_have_stalled(now).take(MAX_STALLED).cloned();
        let stalled: Vec<InstanceKey> = stalled.collect();
        let read = stream::iter(stalled)
            .map(async |key| (self.pods(&key).await, key))
            .buffered(super::MAX_IN_FLIGHT);
        for (pods, key) in read.collect::<Vec<_>>().await {
            if let Ok(pods) = pods {
                fleet.date_shortages(&key, &pods, now);
            }
        }
    }

    /// Lists what an overview is made of, once.
    async fn overview_once(
        &self,
        namespace: Option<&Namespace>,
    ) -> Result<Vec<WatchEvent>, Failure> {
        let place = Place::new(namespace, &Selector::managed());
        let records = Place::new(namespace, &Selector::records());
        let (records, deployments, sets, claims) = futures::try_join!(
            self.once(watch::records_of(&records)),
            self.once(watch::workloads_of(&place, WorkloadKind::Deployment)),
            self.once(watch::workloads_of(&place, WorkloadKind::StatefulSet)),
            self.once(watch::claims_of(&place)),
        )?;
        let named = stream::iter(watch::kinds_of(&records))
            .map(async |kind| self.once(watch::batch_of(&place, kind)).await)
            .buffered(super::MAX_IN_FLIGHT);
        let named: Vec<_> = named.collect().await;
        let all = [records, deployments, sets, claims];
        let mut all: Vec<WatchEvent> = all.into_iter().flatten().collect();
        for events in named {
            all.extend(events?);
        }
        Ok(all)
    }

    /// Reads everything about one instance once; none if neither record nor workload nor pods nor claims are there.
    ///
    /// # Errors
    /// The server cannot be reached, or lets nothing be listed.
    pub async fn snapshot_instance(
        &self,
        instance: &InstanceKey,
    ) -> Result<Option<Detail>, Failure> {
        let (mut detail, events) = self.look_at(instance).await?;
        for event in events {
            detail.apply(event, self.now());
        }
        self.add_elsewhere(&mut detail).await?;
        detail.judge_by_beats();
        if !detail.is_gone() || !detail.claims().is_empty() {
            return Ok(Some(detail));
        }
        let forbidden = detail
            .forbidden()
            .next()
            .map(|(_, failure)| failure.clone());
        forbidden.map_or(Ok(None), Err)
    }

    /// Reads what an instance has in its own namespace, and what was listed of the events about it.
    async fn look_at(&self, instance: &InstanceKey) -> Result<(Detail, Vec<WatchEvent>), Failure> {
        let place = Place::new(Some(&instance.namespace), &Selector::instance(&instance.id));
        let (config_maps, pods, deployments, sets, claims, events, services, ingresses) = futures::try_join!(
            self.once(watch::open_config_maps(&place)),
            self.once(watch::open_pods(&place)),
            self.once(watch::open_workloads(&place, WorkloadKind::Deployment)),
            self.once(watch::open_workloads(&place, WorkloadKind::StatefulSet)),
            self.once(watch::open_claims(&place)),
            self.once(watch::open_events(instance, |_| true)),
            self.once(watch::open_services(&place)),
            self.once(watch::open_ingresses(&place)),
        )?;
        let mut detail = Detail::new(instance.clone());
        let others = stream::iter(watch::OTHER_KINDS)
            .map(async |(group, kind)| self.once(watch::open_objects(&place, group, kind)).await)
            .buffered(super::MAX_IN_FLIGHT);
        let others: Vec<_> = others.collect().await;
        for events in others {
            events?
                .into_iter()
                .for_each(|event| detail.apply(event, self.now()));
        }
        let seen = [config_maps, pods, deployments, sets, claims];
        let all = seen.into_iter().chain([services, ingresses]);
        all.flatten()
            .for_each(|event| detail.apply(event, self.now()));
        self.add_parts(&mut detail).await?;
        let concern = Concern::with(&instance.id, detail.objects());
        Ok((detail, concerning(&concern, events)))
    }

    /// Reads what the instance has in the namespaces beside its own that the record names.
    async fn add_elsewhere(&self, detail: &mut Detail) -> Result<(), Failure> {
        let record = detail.record();
        let namespaces = record.map(|record| record.elsewhere.clone());
        let instance = detail.key().clone();
        for namespace in namespaces.unwrap_or_default() {
            let watch::Elsewhere { place, there } = watch::Elsewhere::of(&instance, &namespace);
            let seen = futures::try_join!(
                self.once(watch::open_pods(&place)),
                self.once(watch::open_workloads(&place, WorkloadKind::Deployment)),
                self.once(watch::open_workloads(&place, WorkloadKind::StatefulSet)),
                self.once(watch::open_claims(&place)),
                self.once(watch::open_objects(&place, "", "ConfigMap")),
                self.once(watch::open_services(&place)),
                self.once(watch::open_ingresses(&place)),
                self.once(watch::open_events(&there, |_| true)),
            )?;
            let (pods, deployments, sets, claims, configs, services, ingresses, events) = seen;
            let lists = [pods, deployments, sets, claims, configs, services];
            let mut all: Vec<WatchEvent> = lists.into_iter().flatten().collect();
            all.extend(ingresses);
            for (group, kind) in watch::OTHER_KINDS {
                all.extend(self.once(watch::open_objects(&place, group, kind)).await?);
            }
            all.extend(self.parts(detail, &namespace).await?);
            let concern = Concern::with(&there.id, all.iter().flat_map(rows_of));
            all.extend(concerning(&concern, events));
            for event in all {
                let event = WatchEvent::Elsewhere(namespace.clone(), Box::new(event));
                detail.apply(event, self.now());
            }
        }
        Ok(())
    }

    /// Reads the objects of the kinds that only the record names.
    async fn add_parts(&self, detail: &mut Detail) -> Result<(), Failure> {
        let own = detail.key().namespace.clone();
        for event in self.parts(detail, &own).await? {
            detail.apply(event, self.now());
        }
        Ok(())
    }

    /// Lists the objects of those kinds in a namespace; what is in none belongs to the instance's own.
    async fn parts(
        &self,
        detail: &Detail,
        namespace: &Namespace,
    ) -> Result<Vec<WatchEvent>, Failure> {
        let record = detail.record();
        let kinds = record.map(|record| record.other_kinds.clone());
        let instance = detail.key();
        let parts = stream::iter(kinds.unwrap_or_default())
            .map(async |kind| match WorkloadKind::of(&kind) {
                Some(kind) => {
                    let place = Place::new(Some(namespace), &Selector::instance(&instance.id));
                    self.once(watch::open_batch(&place, kind)).await
                }
                None => self.parts_of(&kind, instance, namespace).await,
            })
            .buffered(super::MAX_IN_FLIGHT);
        let parts: Vec<Result<Vec<WatchEvent>, Failure>> = parts.collect().await;
        let mut all = Vec::new();
        for events in parts {
            all.extend(events?);
        }
        Ok(all)
    }

    /// Lists the objects of a kind that is known from the cluster alone.
    async fn parts_of(
        &self,
        kind: &GroupKind,
        instance: &InstanceKey,
        namespace: &Namespace,
    ) -> Result<Vec<WatchEvent>, Failure> {
        let is_own = *namespace == instance.namespace;
        match self.resource(kind).await {
            Ok(resource) if is_own || resource.is_namespaced => {
                self.once(parts::subject(&resource, instance, namespace))
                    .await
            }
            Ok(_) => Ok(Vec::new()),
            // Of a kind that is not served nothing is there.
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    /// Lists the full pods of one instance once.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let pods be listed.
    pub async fn pods(&self, instance: &InstanceKey) -> Result<Vec<Pod>, Failure> {
        let place = Place::new(Some(&instance.namespace), &Selector::instance(&instance.id));
        let mut pods = Vec::new();
        for event in self.once(watch::open_pods(&place)).await? {
            if let WatchEvent::Pods(deltas) = allowed(event)? {
                for delta in deltas {
                    apply_delta(&mut pods, delta);
                }
            }
        }
        Ok(pods)
    }

    /// Lists the full pods of one instance once, those in the namespaces beside its own too.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let pods be listed.
    pub async fn all_pods(&self, instance: &InstanceKey) -> Result<Vec<Pod>, Failure> {
        let (pods, elsewhere) = futures::join!(self.pods(instance), self.elsewhere(instance));
        let mut pods = pods?;
        for there in elsewhere {
            pods.extend(self.pods(&there).await?);
        }
        Ok(pods)
    }

    /// Returns what the instance is in the namespaces beside its own that its record names; nothing where nobody says.
    pub(super) async fn elsewhere(&self, instance: &InstanceKey) -> Vec<InstanceKey> {
        let place = Place::new(Some(&instance.namespace), &Selector::record(&instance.id));
        let events = self.once(watch::records_of(&place)).await;
        let mut records = Vec::new();
        for event in events.unwrap_or_default() {
            if let WatchEvent::Records(deltas) = event {
                deltas
                    .into_iter()
                    .for_each(|delta| apply_delta(&mut records, delta));
            }
        }
        let named = records.into_iter().flat_map(|record| record.elsewhere);
        let there = named.map(|namespace| InstanceKey {
            namespace,
            id: instance.id.clone(),
        });
        there.collect()
    }

    /// Lists the claims of all instances once, in a namespace or in all.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let claims be listed.
    pub async fn claims(&self, namespace: Option<&Namespace>) -> Result<Vec<Claim>, Failure> {
        let place = Place::new(namespace, &Selector::managed());
        let mut claims = Vec::new();
        for event in self.once(watch::claims_of(&place)).await? {
            if let WatchEvent::Claims(deltas) = allowed(event)? {
                for delta in deltas {
                    apply_delta(&mut claims, delta);
                }
            }
        }
        Ok(claims)
    }

    /// Lists the claims that pods mount once, in a namespace or in all: anybody's pods.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let pods be listed.
    pub async fn pod_mounts(
        &self,
        namespace: Option<&Namespace>,
    ) -> Result<Vec<PodMounts>, Failure> {
        let resource = kinds::known("", "Pod");
        let path = resource.path(namespace.map(Namespace::as_str));
        let mut decode = Objects::<MountsObject>::of(resource);
        self.list_items("pods", &path, "", &mut decode).await
    }

    /// Lists the Services and Ingresses of all instances once, in a namespace or in all: where they are reached.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let them be listed.
    pub async fn routes(&self, namespace: Option<&Namespace>) -> Result<Vec<Route>, Failure> {
        let (services, ingresses) = futures::try_join!(
            self.routes_of::<ServiceObject>(kinds::known("", "Service"), namespace),
            self.routes_of::<IngressObject>(
                kinds::known("networking.k8s.io", "Ingress"),
                namespace
            ),
        )?;
        Ok([ingresses, services].concat())
    }

    async fn routes_of<P: Project<Item = Route>>(
        &self,
        resource: &'static Resource,
        namespace: Option<&Namespace>,
    ) -> Result<Vec<Route>, Failure> {
        let path = resource.path(namespace.map(Namespace::as_str));
        let selector = Selector::managed();
        let query = form_urlencoded(&[("labelSelector", selector.as_str())]);
        let mut decode = Objects::<P>::of(resource);
        self.list_items(&resource.plural, &path, &query, &mut decode)
            .await
    }

    /// Returns the address of a node that is ready, by which ports of nodes are reached: one look at a few of them. None if
    /// none has an address, or this user may not look.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn node_address(&self) -> Result<Option<String>, Failure> {
        let doing = "list nodes";
        let path = kinds::known("", "Node").path(None);
        let path = format!("{path}?limit={NODES}");
        let answer = self.read(doing, path, "application/json").await?;
        if answer.status != http::StatusCode::OK {
            return Ok(None);
        }
        let nodes = super::request::parse(doing, &answer.body)?;
        Ok(address_of_nodes(&nodes))
    }

    /// Lists the events of claims once, in a namespace or in all.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let events be listed.
    pub async fn claim_events(&self, namespace: Option<&Namespace>) -> Result<Vec<Event>, Failure> {
        let of_claims = "involvedObject.kind=PersistentVolumeClaim";
        self.events_where(namespace, of_claims).await
    }

    /// Lists once what was said of volumes whose storage could not be freed.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let events be listed.
    pub async fn reclaim_events(&self) -> Result<Vec<Event>, Failure> {
        // NB: events of what is in no namespace are in this one.
        let namespace = "default".parse().ok();
        let of_volumes = "involvedObject.kind=PersistentVolume,reason=VolumeFailedDelete";
        self.events_where(namespace.as_ref(), of_volumes).await
    }

    /// Lists the events that a field selector chooses once, in a namespace or in all.
    pub(super) async fn events_where(
        &self,
        namespace: Option<&Namespace>,
        fields: &str,
    ) -> Result<Vec<Event>, Failure> {
        let resource = kinds::known("", "Event");
        let path = resource.path(namespace.map(Namespace::as_str));
        let query = form_urlencoded(&[("fieldSelector", fields)]);
        let mut decode = Objects::<EventObject>::of(resource);
        self.list_items("events", &path, &query, &mut decode).await
    }

    /// Lists the events of one instance's objects in its own namespace once, the newest last, and the objects as far as they may
    /// be seen.
    ///
    /// # Errors
    /// The server cannot be reached, or does not let events be listed.
    pub async fn events(
        &self,
        instance: &InstanceKey,
    ) -> Result<(Vec<ObjectRow>, Vec<Event>), Failure> {
        let (detail, listed) = self.look_at(instance).await?;
        let mut events = Vec::new();
        for event in listed {
            if let WatchEvent::Events(deltas) = allowed(event)? {
                for delta in deltas {
                    apply_delta(&mut events, delta);
                }
            }
        }
        events.sort_by_key(|event| event.last_seen);
        Ok((detail.objects().to_vec(), events))
    }

    async fn explanations(&self, fleet: &Fleet) -> Vec<WatchEvent> {
        let questions = explain::questions_about(explain::troubles_of(fleet));
        stream::iter(&questions)
            .map(async |question| explain::told(question.ask(self).await))
            .buffered(super::MAX_IN_FLIGHT)
            .collect()
            .await
    }

    /// Lists a subject once and returns what its watch would report.
    async fn once<D: Decode>(&self, subject: Subject<D>) -> Result<Vec<WatchEvent>, Failure> {
        let Subject {
            topic,
            path,
            selector,
            mut decode,
            emit,
        } = subject;
        let listed = self
            .list_items(&topic.to_string(), &path, &selector, &mut decode)
            .await;
        let (mut events, state) = match listed {
            Ok(items) => (emit(vec![Delta::Reset(items)]), LinkState::Live),
            Err(failure) if failure.kind == FailureKind::Forbidden => {
                (Vec::new(), LinkState::Forbidden(failure))
            }
            Err(failure) => return Err(failure),
        };
        events.push(WatchEvent::Link { topic, state });
        Ok(events)
    }

    async fn list_items<D: Decode>(
        &self,
        what: &str,
        path: &str,
        selector: &str,
        decode: &mut D,
    ) -> Result<Vec<D::Item>, Failure> {
        let doing = format!("list {what}");
        let query = format!("{selector}{}", D::QUERY);
        self.read_pages(&doing, path, &query, D::ACCEPT_LIST, |body| {
            let page = decode.page(body);
            let page = page.map_err(|_| super::request::unreadable(&doing))?;
            Ok((page.items, page.next))
        })
        .await
    }
}

/// Returns what was listed of the events of a namespace without those that are of no concern.
fn concerning(concern: &Concern, mut listed: Vec<WatchEvent>) -> Vec<WatchEvent> {
    for event in &mut listed {
        if let WatchEvent::Events(deltas) = event {
            for delta in deltas {
                if let Delta::Reset(all) = delta {
                    all.retain(|event| concern.covers(event));
                }
            }
        }
    }
    listed
}

/// Returns the rows of objects that a list told.
fn rows_of(event: &WatchEvent) -> &[ObjectRow] {
    match event {
        WatchEvent::Objects(_, deltas) => match deltas.as_slice() {
            [Delta::Reset(rows)] => rows,
            _ => &[],
        },
        _ => &[],
    }
}

/// Returns the address of the first node that is ready; one that is reached from outside goes first.
fn address_of_nodes(nodes: &Value) -> Option<String> {
    let nodes = nodes["items"].as_array()?;
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let is_ready = |node: &&Value| {
        let conditions = items(&node["status"]["conditions"]);
        let mut conditions = conditions.iter();
        conditions.any(|it| it["type"] == "Ready" && it["status"] == "True")
    };
    let address = |wanted: &str| {
        let mut ready = nodes.iter().filter(is_ready);
        ready.find_map(|node| {
            let addresses = items(&node["status"]["addresses"]);
            let found = addresses.iter().find(|it| it["type"] == wanted)?;
            let address = found["address"].as_str()?;
            Some(text::clean(address).into_owned())
        })
    };
    address("ExternalIP").or_else(|| address("InternalIP"))
}

/// Returns what was reported, or why nothing may be.
fn allowed(event: WatchEvent) -> Result<WatchEvent, Failure> {
    match event {
        WatchEvent::Link {
            state: LinkState::Forbidden(failure),
            ..
        } => Err(failure),
        event => Ok(event),
    }
}

/// Returns why the first of several lists may not be read.
fn first_refusal(events: &[WatchEvent]) -> Option<Failure> {
    events.iter().find_map(|event| match event {
        WatchEvent::Link {
            state: LinkState::Forbidden(failure),
            ..
        } => Some(failure.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
