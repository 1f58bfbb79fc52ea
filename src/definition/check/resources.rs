//! Reading what a container may use: requests and limits, the short forms, the GPU.

use std::collections::BTreeMap;

use super::grammar::is_qualified_name;
use super::quantity::{NANOS, meant, nanos};
use super::reader::{Fields, Keys, Reader, Value, shortened};
use super::suggest::nearest;
use crate::definition::diagnostic::Severity;
use crate::definition::service::Resources;
use crate::definition::yaml::{Resolved, Style, resolve};

const KEYS: Keys = &[&["requests"], &["limits"]];
const NATIVE: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
const QUANTITY: &str = "a quantity, such as 500m, 2, 200Mi or 4Gi";
const GPU: &str = "`nvidia/gpu`, a short name from the configuration, or any `vendor/resource`";
/// Vendors whose short form lacks only the domain's end.
const SHORT_VENDORS: [(&str, &str); 2] = [("nvidia/", "nvidia.com/"), ("amd/", "amd.com/")];

/// Reads `resources`, `cpu`, `memory`, `gpu` and `gpuCount` of a container.
pub(super) fn resources(
    reader: &mut Reader<'_>,
    container: &Fields,
    gpus: &BTreeMap<String, String>,
) -> Resources {
    let mut resources = Resources::default();
    if let Some(value) = container.get("resources") {
        let wanted = "a map of `requests` and `limits`";
        if let Some(fields) = reader.mapping(value, KEYS, wanted) {
            resources.requests = fields
                .get("requests")
                .map(|v| quantities(reader, v))
                .unwrap_or_default();
            resources.limits = fields
                .get("limits")
                .map(|v| quantities(reader, v))
                .unwrap_or_default();
        }
    }
    for (key, unit) in [("cpu", Unit::Cores), ("memory", Unit::Gi)] {
        if let Some(value) = container.get(key)
            && let Some(limit) = short_form(reader, value, unit)
        {
            set_limit(reader, &mut resources, value, key, limit);
        }
    }
    gpu(reader, container, gpus, &mut resources);
    requests_within_limits(reader, container, &resources);
    resources
}

fn quantities(reader: &mut Reader<'_>, value: Value) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for (key, child) in reader
        .pairs(
            value,
            "a map of resources, such as `{cpu: 100m, memory: 200Mi}`",
        )
        .unwrap_or_default()
    {
        resource_name(reader, &key, child);
        let Some(amount) = quantity(reader, child) else {
            continue;
        };
        if key.contains('/') && nanos(&amount).is_some_and(|n| n % NANOS != 0) {
            let message = format!(
                "`{}` must be a whole number: it cannot be divided",
                shortened(&key)
            );
            reader.error(child, message);
        }
        map.insert(key, amount);
    }
    map
}

fn resource_name(reader: &mut Reader<'_>, key: &str, child: Value) {
    let is_known = NATIVE.contains(&key)
        || key.starts_with("hugepages-")
        || (key.contains('/') && is_qualified_name(key));
    if is_known {
        return;
    }
    let shown = shortened(key);
    let message = match nearest(key, NATIVE) {
        Some(near) => format!("`{shown}` is no resource; did you mean `{near}`?"),
        None => format!(
            "`{shown}` is no resource; allowed are {} and any `vendor/resource`",
            NATIVE.join(", ")
        ),
    };
    let spot = reader.key_spot(child);
    reader.error_at(&spot, message);
}

/// Reads a quantity: text with a suffix, or a number.
pub(crate) fn quantity(reader: &mut Reader<'_>, value: Value) -> Option<String> {
    let scalar = reader.scalar(value, QUANTITY)?;
    if nanos(&scalar.text).is_some()
        && !matches!(scalar.resolved, Resolved::Null | Resolved::Bool(_))
    {
        return Some(scalar.text);
    }
    let message = if reader.is_null(value) {
        format!(
            "`{}` has no value; it must be {QUANTITY}",
            reader.name(value)
        )
    } else {
        reader.refusal(value, &scalar.text, QUANTITY)
    };
    match meant(&scalar.text) {
        Some(meant) => reader.report_with(Severity::Error, value, message, meant),
        None => reader.error(value, message),
    }
    None
}

#[derive(Clone, Copy)]
enum Unit {
    Cores,
    Gi,
}

/// Reads `cpu: 2` (cores) or `memory: 4` (Gi). A quantity with a unit says the same and is taken as it stands.
fn short_form(reader: &mut Reader<'_>, value: Value, unit: Unit) -> Option<String> {
    let wanted = match unit {
        Unit::Cores => "a number of cores, such as 2 or 0.5, or a quantity such as 500m",
        Unit::Gi => "a number of Gi, such as 4 or 0.5, or a quantity such as 512Mi",
    };
    let scalar = reader.scalar(value, wanted)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "amounts beyond 2^52 are refused below"
    )]
    let number = match scalar.resolved {
        Resolved::Int(number) => number as f64,
        Resolved::Float(number) => number,
        Resolved::Text
            if scalar.style == Style::Quoted
                && matches!(resolve(&scalar.text), Resolved::Int(_) | Resolved::Float(_)) =>
        {
            let message = format!("`{}` must be {wanted}, without quotes", reader.name(value));
            reader.report_with(Severity::Error, value, message, scalar.text);
            return None;
        }
        Resolved::Text if nanos(&scalar.text).is_some_and(|n| n > 0) => return Some(scalar.text),
        _ => {
            let message = reader.refusal(value, &scalar.text, wanted);
            match meant(&scalar.text) {
                Some(meant) => reader.report_with(Severity::Error, value, message, meant),
                None => reader.error(value, message),
            }
            return None;
        }
    };
    let limit = amount(number, unit);
    if limit.is_none() {
        let message = format!(
            "`{}` must be {wanted}, more than 0, in steps of a thousandth",
            reader.name(value)
        );
        reader.error(value, message);
    }
    limit
}

/// Writes an amount in the largest unit in which it is whole.
fn amount(number: f64, unit: Unit) -> Option<String> {
    let (factor, whole, part) = match unit {
        Unit::Cores => (1000.0, "", "m"),
        Unit::Gi => (1024.0, "Gi", "Mi"),
    };
    if !(number.is_finite() && number > 0.0 && number <= 1_000_000.0) {
        return None;
    }
    if number.fract() == 0.0 {
        return Some(format!("{number}{whole}"));
    }
    let parts = (number * factor).round();
    (parts >= 1.0).then(|| format!("{parts}{part}"))
}

fn set_limit(
    reader: &mut Reader<'_>,
    resources: &mut Resources,
    value: Value,
    name: &str,
    limit: String,
) {
    if resources.limits.insert(name.to_owned(), limit).is_some() {
        let spot = reader.key_spot(value);
        let key = reader.name(value);
        reader.error_at(
            &spot,
            format!("`{key}` and `resources.limits` both set a limit for {name}; keep one of them"),
        );
    }
}

fn gpu(
    reader: &mut Reader<'_>,
    container: &Fields,
    gpus: &BTreeMap<String, String>,
    resources: &mut Resources,
) {
    let count = container
        .get("gpuCount")
        .map(|v| (v, reader.integer(v, 1, 16)));
    let Some(value) = container.get("gpu") else {
        if let Some((count, _)) = count
            && !reader.is_partial
        {
            let spot = reader.key_spot(count);
            reader.error_at(&spot, format!("`gpuCount` needs `gpu`: {GPU}"));
        }
        return;
    };
    let Some(text) = reader.text(value, GPU) else {
        return;
    };
    let Some(name) = gpu_resource(&text, gpus) else {
        let message = reader.refusal(value, &text, GPU);
        match nearest(&text, gpus.keys().map(String::as_str).chain(["nvidia/gpu"])) {
            Some(near) => reader.report_with(Severity::Error, value, message, near.to_owned()),
            None => reader.error(value, message),
        }
        return;
    };
    let count = count.and_then(|(_, count)| count).unwrap_or(1);
    set_limit(reader, resources, value, &name, count.to_string());
}

/// Returns the extended resource that `gpu` names.
fn gpu_resource(text: &str, gpus: &BTreeMap<String, String>) -> Option<String> {
    let named = gpus.get(text).map_or(text, String::as_str);
    let full = SHORT_VENDORS
        .iter()
        .find_map(|(short, long)| {
            named
                .strip_prefix(short)
                .map(|rest| format!("{long}{rest}"))
        })
        .unwrap_or_else(|| named.to_owned());
    let is_legal =
        full.contains('/') && is_qualified_name(&full) && !full.contains("kubernetes.io/");
    is_legal.then_some(full)
}

/// A server refuses requests over the limit, and extended resources whose request is not the limit.
fn requests_within_limits(reader: &mut Reader<'_>, container: &Fields, resources: &Resources) {
    let Some(at) = container.get("resources") else {
        return;
    };
    for (name, request) in &resources.requests {
        let limit = resources.limits.get(name);
        let exceeds = limit.is_some_and(|limit| nanos(request) > nanos(limit));
        if let Some(limit) = limit.filter(|_| exceeds) {
            reader.error(
                at,
                format!("the request of {name} ({request}) is over its limit ({limit}); a request may be at most the limit"),
            );
        } else if name.contains('/') && limit.and_then(|l| nanos(l)) != nanos(request) {
            reader.error(
                at,
                format!("the request of {name} must equal its limit; set it under `limits`"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_keep_whole_units() {
        let cores = [
            (2.0, Some("2")),
            (0.5, Some("500m")),
            (1.25, Some("1250m")),
            (0.0, None),
            (-1.0, None),
            (0.0001, None),
            (f64::INFINITY, None),
        ];
        for (number, expected) in cores {
            assert_eq!(
                amount(number, Unit::Cores).as_deref(),
                expected,
                "{number} cores"
            );
        }
        for (number, expected) in [
            (4.0, Some("4Gi")),
            (0.5, Some("512Mi")),
            (0.25, Some("256Mi")),
            (1.5, Some("1536Mi")),
        ] {
            assert_eq!(amount(number, Unit::Gi).as_deref(), expected, "{number} Gi");
        }
    }

    #[test]
    fn gpu_short_names() {
        let gpus = BTreeMap::from([
            ("a100".to_owned(), "nvidia.com/mig-1g.10gb".to_owned()),
            ("n".to_owned(), "nvidia/gpu".to_owned()),
        ]);
        let cases = [
            ("nvidia/gpu", Some("nvidia.com/gpu")),
            ("nvidia.com/gpu", Some("nvidia.com/gpu")),
            ("nvidia.com/mig-1g.10gb", Some("nvidia.com/mig-1g.10gb")),
            ("nvidia/mig-1g.10gb", Some("nvidia.com/mig-1g.10gb")),
            ("gpu.intel.com/i915", Some("gpu.intel.com/i915")),
            ("a100", Some("nvidia.com/mig-1g.10gb")),
            ("n", Some("nvidia.com/gpu")),
            ("gpu", None),
            ("a/b/c", None),
            ("kubernetes.io/x", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(gpu_resource(text, &gpus).as_deref(), expected, "{text}");
        }
    }
}
