#!/usr/bin/env python3
"""Makes schema.json.gz and descriptions.json.gz from Kubernetes' published OpenAPI v3 documents.

Usage: generate.py DIRECTORY, where DIRECTORY is api/openapi-spec/v3 of the Kubernetes source (see README.md).
Only the kinds that the sandbox serves, and what they refer to, are kept.
"""

import gzip
import json
import sys
from pathlib import Path

GROUPS = {
    "api__v1": "ConfigMap Endpoints Event Namespace Node PersistentVolumeClaim PersistentVolume Pod Secret "
    "ServiceAccount Service ResourceQuota LimitRange",
    "apis__apps__v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "apis__batch__v1": "CronJob Job",
    "apis__autoscaling__v2": "HorizontalPodAutoscaler",
    "apis__networking.k8s.io__v1": "Ingress IngressClass NetworkPolicy",
    "apis__discovery.k8s.io__v1": "EndpointSlice",
    "apis__storage.k8s.io__v1": "StorageClass",
    "apis__policy__v1": "PodDisruptionBudget",
    "apis__coordination.k8s.io__v1": "Lease",
    "apis__rbac.authorization.k8s.io__v1": "Role RoleBinding ClusterRole ClusterRoleBinding",
    "apis__apiextensions.k8s.io__v1": "CustomResourceDefinition",
    "apis__authorization.k8s.io__v1": "SelfSubjectAccessReview SelfSubjectRulesReview",
}
PREFIX = "#/components/schemas/"


def references(schema):
    """Yields the names of the definitions that a schema refers to."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(PREFIX)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def without_descriptions(schema):
    """Returns a schema without the texts, which are kept apart. A property may itself be called "description"."""
    out = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: without_descriptions(field) for name, field in value.items()}
        elif key == "description" and isinstance(value, str):
            continue
        elif isinstance(value, dict) and key in ("items", "additionalProperties"):
            out[key] = without_descriptions(value)
        elif key == "x-kubernetes-group-version-kind":
            continue
        else:
            out[key] = value
    return out


def main():
    source = Path(sys.argv[1])
    here = Path(__file__).parent
    kinds, definitions, descriptions = {}, {}, {}
    for group, names in GROUPS.items():
        schemas = json.loads((source / f"{group}_openapi.json").read_text())["components"]["schemas"]
        wanted = []
        for name, schema in schemas.items():
            for gvk in schema.get("x-kubernetes-group-version-kind", []):
                api_version = f"{gvk['group']}/{gvk['version']}".lstrip("/")
                if gvk["kind"] in names.split() and name.startswith("io.k8s."):
                    kinds[f"{api_version}/{gvk['kind']}"] = name
                    wanted.append(name)
        while wanted:
            name = wanted.pop()
            if name in definitions:
                continue
            schema = schemas[name]
            definitions[name] = without_descriptions(schema)
            texts = {key: field.get("description", "") for key, field in schema.get("properties", {}).items()}
            texts[""] = schema.get("description", "")
            descriptions[name] = texts
            wanted.extend(references(schema))
    write(here / "schema.json.gz", {"kinds": kinds, "definitions": definitions})
    write(here / "descriptions.json.gz", descriptions)


def write(path, value):
    """Writes compressed JSON, the same bytes for the same value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    path.write_bytes(gzip.compress(text, compresslevel=9, mtime=0))
    print(path.name, len(text), "->", path.stat().st_size)


main()
