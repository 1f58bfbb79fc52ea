//! Which single changes lead from one value to another, and what they do to values. Pure, without a text.

use serde_json::Value;

use super::{Deed, Edit, PathStep, Step, wrapped};

/// Returns the changes that make an edit, in the order in which they are made; none if its place is nowhere.
pub(super) fn of(before: &Value, edit: &Edit) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut path = edit.path.clone();
    let Some(value) = &edit.value else {
        find(before, &path)?;
        let step = Step {
            path,
            deed: Deed::Remove,
        };
        return Some(vec![step]);
    };
    let mut value = value.clone();
    loop {
        if let Some(old) = find(before, &path) {
            between(&path, old, &value, &mut steps);
            return Some(steps);
        }
        let last = path.pop()?;
        match (find(before, &path), &last) {
            (Some(Value::Object(_)), PathStep::Key(_)) => {}
            (Some(Value::Array(items)), PathStep::Index(idx)) if *idx == items.len() => {}
            // What is there is none: it becomes a map or a list.
            (Some(Value::Null), _) => {
                let deed = Deed::Replace(wrapped(&last, value));
                return Some(vec![Step { path, deed }]);
            }
            (Some(_), _) => return None,
            (None, _) => {
                value = wrapped(&last, value);
                continue;
            }
        }
        path.push(last);
        let deed = Deed::Insert(value);
        return Some(vec![Step { path, deed }]);
    }
}

/// Adds the changes that make one value of another, as small as may be.
fn between(path: &[PathStep], old: &Value, new: &Value, steps: &mut Vec<Step>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) if !old.is_empty() && !new.is_empty() => {
            let at = |key: &String| [path, &[PathStep::Key(key.clone())]].concat();
            for (key, value) in new {
                match old.get(key) {
                    Some(old) => between(&at(key), old, value, steps),
                    None => steps.push(Step {
                        path: at(key),
                        deed: Deed::Insert(value.clone()),
                    }),
                }
            }
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                steps.push(Step {
                    path: at(key),
                    deed: Deed::Remove,
                });
            }
        }
        (Value::Array(old), Value::Array(new)) if !old.is_empty() && !new.is_empty() => {
            items_between(path, old, new, steps);
        }
        _ => steps.push(Step {
            path: path.to_owned(),
            deed: Deed::Replace(new.clone()),
        }),
    }
}

/// What begins and ends alike is left alone; between, items become each other as far as there are as many.
fn items_between(path: &[PathStep], old: &[Value], new: &[Value], steps: &mut Vec<Step>) {
    let at = |idx: usize| [path, &[PathStep::Index(idx)]].concat();
    let shorter = old.len().min(new.len());
    let start = (0..shorter)
        .take_while(|idx| old[*idx] == new[*idx])
        .count();
    let is_end = |n: &usize| old[old.len() - 1 - n] == new[new.len() - 1 - n];
    let end = (0..shorter - start).take_while(is_end).count();
    let (n_old, n_new) = (old.len() - start - end, new.len() - start - end);
    let n_both = n_old.min(n_new);
    // The first new items are added before old ones go, so that a list is never empty on the way.
    for idx in start..start + n_both {
        between(&at(idx), &old[idx], &new[idx], steps);
    }
    let added = new
        .iter()
        .enumerate()
        .take(start + n_new)
        .skip(start + n_both);
    for (idx, item) in added {
        steps.push(Step {
            path: at(idx),
            deed: Deed::Insert(item.clone()),
        });
    }
    for idx in (start + n_both..start + n_old).rev() {
        steps.push(Step {
            path: at(idx),
            deed: Deed::Remove,
        });
    }
}

fn find<'v>(value: &'v Value, path: &[PathStep]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| match step {
        PathStep::Key(key) => value.as_object()?.get(key),
        PathStep::Index(idx) => value.as_array()?.get(*idx),
    })
}

fn find_mut<'v>(value: &'v mut Value, path: &[PathStep]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, step| match step {
        PathStep::Key(key) => value.as_object_mut()?.get_mut(key),
        PathStep::Index(idx) => value.as_array_mut()?.get_mut(*idx),
    })
}

/// Makes a change to a value; none if it cannot be made there.
pub(super) fn carry_out(value: &mut Value, path: &[PathStep], deed: &Deed) -> Option<()> {
    if let Deed::Replace(new) = deed {
        *find_mut(value, path)? = new.clone();
        return Some(());
    }
    let (last, parent) = path.split_last()?;
    match (find_mut(value, parent)?, last, deed) {
        (Value::Object(map), PathStep::Key(key), Deed::Insert(new)) => {
            map.insert(key.clone(), new.clone());
        }
        (Value::Array(items), PathStep::Index(idx), Deed::Insert(new)) if *idx <= items.len() => {
            items.insert(*idx, new.clone());
        }
        (Value::Object(map), PathStep::Key(key), Deed::Remove) => {
            map.remove(key)?;
        }
        (Value::Array(items), PathStep::Index(idx), Deed::Remove) if *idx < items.len() => {
            items.remove(*idx);
        }
        _ => return None,
    }
    Some(())
}
