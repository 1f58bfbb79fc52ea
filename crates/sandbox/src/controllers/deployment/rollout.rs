//! How many pods each ReplicaSet of a Deployment should have: rolling, scaling in proportion, never below what must
//! be available nor above what may exist. Arithmetic only.

use serde_json::Value;

use crate::controllers::object::{annotation, count, int, text};

use super::Scaling;
use super::replica_sets::{MAX_REPLICAS, ReplicaSets};

/// What a Deployment allows while it rolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The pods it asks for.
    pub replicas: i64,
    /// How many more may exist.
    pub max_surge: i64,
    /// How many fewer may be available.
    pub max_unavailable: i64,
}

impl Limits {
    /// Returns the limits of a Deployment. Percentages of surge round up, of unavailability down; both zero would
    /// never move, so one may then be unavailable.
    pub fn of(deployment: &Value) -> Limits {
        let replicas = int(deployment, "/spec/replicas").unwrap_or(1);
        if text(deployment, "/spec/strategy/type") == "Recreate" {
            return Limits {
                replicas,
                max_surge: 0,
                max_unavailable: 0,
            };
        }
        let share = |pointer: &str, round_up: bool| match deployment.pointer(pointer) {
            Some(Value::String(percent)) => percent_of(percent, replicas, round_up),
            Some(number) => number.as_i64().unwrap_or_default(),
            None => percent_of("25%", replicas, round_up),
        };
        let max_surge = share("/spec/strategy/rollingUpdate/maxSurge", true);
        let max_unavailable =
            share("/spec/strategy/rollingUpdate/maxUnavailable", false).min(replicas);
        let max_unavailable = if max_surge == 0 && max_unavailable == 0 {
            1
        } else {
            max_unavailable
        };
        Limits {
            replicas,
            max_surge,
            max_unavailable,
        }
    }

    /// Returns the most pods that may exist.
    pub fn most(self) -> i64 {
        self.replicas.saturating_add(self.max_surge)
    }

    /// Returns the fewest pods that must be available.
    pub fn least(self) -> i64 {
        self.replicas.saturating_sub(self.max_unavailable)
    }
}

fn percent_of(percent: &str, whole: i64, round_up: bool) -> i64 {
    let hundredths = percent
        .trim_end_matches('%')
        .parse::<i64>()
        .unwrap_or_default()
        .saturating_mul(whole);
    if round_up {
        hundredths.saturating_add(99) / 100
    } else {
        hundredths / 100
    }
}

/// Returns the size of the wanted set, which has `present` of the `total` pods asked for so far.
pub fn new_set_size(deployment: &Value, total: i64, present: i64) -> i64 {
    let limits = Limits::of(deployment);
    if text(deployment, "/spec/strategy/type") == "Recreate" {
        return limits.replicas;
    }
    let room = limits.most() - total;
    if room <= 0 {
        present
    } else {
        present + room.min(limits.replicas - present)
    }
}

/// Returns how the wanted set grows (or shrinks, if fewer replicas are asked for).
pub fn roll_new<'a>(deployment: &Value, sets: &ReplicaSets<'a>) -> Vec<Scaling<'a>> {
    let Some(new) = sets.new else {
        return Vec::new();
    };
    let present = count(new, "/spec/replicas");
    let wanted = Limits::of(deployment).replicas;
    let to = if present >= wanted {
        wanted
    } else {
        new_set_size(deployment, sets.total_wanted(), present)
    };
    if to == present {
        Vec::new()
    } else {
        vec![Scaling { set: new, to }]
    }
}

/// Returns how the old sets shrink: first by pods that do not work anyway, then by as many as others can stand in for.
pub fn roll_old<'a>(deployment: &Value, sets: &ReplicaSets<'a>) -> Vec<Scaling<'a>> {
    let old_wanted: i64 = sets
        .old
        .iter()
        .map(|set| count(set, "/spec/replicas"))
        .sum();
    let Some(new) = sets.new.filter(|_| old_wanted > 0) else {
        return Vec::new();
    };
    let least = Limits::of(deployment).least();
    let new_unavailable = count(new, "/spec/replicas") - count(new, "/status/availableReplicas");
    let spare = sets.total_wanted() - least - new_unavailable;
    if spare <= 0 {
        return Vec::new();
    }
    let mut sizes: Vec<i64> = sets
        .old
        .iter()
        .map(|set| count(set, "/spec/replicas"))
        .collect();
    drop_unhealthy(&sets.old, &mut sizes, spare);
    let available = sets.total("/status/availableReplicas");
    let mut surplus = (available - least).max(0);
    for size in &mut sizes {
        let less = surplus.min(*size);
        *size -= less;
        surplus -= less;
    }
    let changed = |(set, to): (&&'a Value, i64)| {
        (to != count(set, "/spec/replicas")).then_some(Scaling { set, to })
    };
    sets.old.iter().zip(sizes).filter_map(changed).collect()
}

fn drop_unhealthy(old: &[&Value], sizes: &mut [i64], spare: i64) {
    let mut spare = spare;
    for (set, size) in old.iter().zip(sizes) {
        let unhealthy = (*size - count(set, "/status/availableReplicas")).max(0);
        let less = unhealthy.min(spare);
        *size -= less;
        spare -= less;
    }
}

/// Returns how the sets follow a change of `replicas` (or stand still while paused): a single active set takes it all, a
/// finished rollout drains its old sets, and one under way keeps its proportions.
pub fn scale<'a>(deployment: &Value, sets: &ReplicaSets<'a>) -> Vec<Scaling<'a>> {
    let limits = Limits::of(deployment);
    if let Some(only) = active_or_latest(sets) {
        return vec![Scaling {
            set: only,
            to: limits.replicas,
        }];
    }
    if is_saturated(sets, limits.replicas) {
        let is_left = |set: &&&'a Value| count(set, "/spec/replicas") > 0;
        return sets
            .old
            .iter()
            .filter(is_left)
            .map(|set| Scaling { set, to: 0 })
            .collect();
    }
    if text(deployment, "/spec/strategy/type") == "Recreate" {
        return Vec::new();
    }
    in_proportion(sets, limits)
}

fn active_or_latest<'a>(sets: &ReplicaSets<'a>) -> Option<&'a Value> {
    let active: Vec<&Value> = sets.active().collect();
    match active.as_slice() {
        [] => sets.new.or_else(|| sets.old.last().copied()),
        [only] => Some(only),
        _ => None,
    }
}

fn is_saturated(sets: &ReplicaSets<'_>, replicas: i64) -> bool {
    sets.new.is_some_and(|new| {
        count(new, "/spec/replicas") == replicas
            && count(new, "/status/availableReplicas") == replicas
    })
}

fn in_proportion<'a>(sets: &ReplicaSets<'a>, limits: Limits) -> Vec<Scaling<'a>> {
    let mut active: Vec<&Value> = sets.active().collect();
    let total: i64 = active.iter().map(|set| count(set, "/spec/replicas")).sum();
    let allowed = if limits.replicas > 0 {
        limits.most()
    } else {
        0
    };
    let to_add = allowed - total;
    // Larger sets give or take first; among equals newer ones grow and older ones shrink.
    active.sort_by_key(|set| -count(set, "/spec/replicas"));
    if to_add > 0 {
        let newest_first = sets.all().collect::<Vec<_>>();
        let age = |set: &Value| newest_first.iter().rposition(|other| *other == set);
        active.sort_by_key(|set| (-count(set, "/spec/replicas"), std::cmp::Reverse(age(set))));
    }
    let mut added = 0;
    let mut sizes: Vec<i64> = active
        .iter()
        .map(|set| count(set, "/spec/replicas"))
        .collect();
    for (set, size) in active.iter().zip(&mut sizes) {
        let fraction = proportion(set, limits, total);
        let left = to_add - added;
        let share = if to_add > 0 {
            fraction.clamp(0, left.max(0))
        } else {
            fraction.clamp(left.min(0), 0)
        };
        *size += share;
        added += share;
    }
    if let Some(first) = sizes.first_mut() {
        *first = (*first + to_add - added).max(0);
    }
    active
        .iter()
        .zip(sizes)
        .map(|(set, to)| Scaling { set, to })
        .collect()
}

/// Returns how much of a change is due to one set: its share of what was allowed when it was last scaled.
fn proportion(set: &Value, limits: Limits, total: i64) -> i64 {
    let size = count(set, "/spec/replicas");
    if limits.replicas == 0 {
        return -size;
    }
    let allowed_before = annotation(set, MAX_REPLICAS)
        .and_then(|text| text.parse().ok())
        .unwrap_or(total);
    if allowed_before == 0 {
        return 0;
    }
    // Rounded half away from zero.
    let scaled = 2 * size * limits.most() + allowed_before;
    scaled.div_euclid(2 * allowed_before) - size
}
