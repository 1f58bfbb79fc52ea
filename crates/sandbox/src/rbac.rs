//! Who may do what: a short list of users with rules, in the terms of Kubernetes' RBAC.

/// A user of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name, as it stands in refusals.
    pub name: String,
    /// Bearer token; random when the sandbox is served and this is empty.
    pub token: String,
    /// What is allowed; nothing else is.
    pub rules: Vec<Rule>,
}

/// Something that is allowed. `*` stands for all in every list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Namespaces where it holds; `*` also means cluster-scoped objects and lists over all namespaces.
    pub namespaces: Vec<String>,
    /// API groups; core is the empty string.
    pub groups: Vec<String>,
    /// Plural names, with subresource where one is meant (`pods/log`).
    pub resources: Vec<String>,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verbs: Vec<String>,
}

impl User {
    /// Returns a user who may do everything.
    pub fn admin(name: &str) -> Self {
        let all = || vec!["*".to_owned()];
        User::with_rules(
            name,
            vec![Rule {
                namespaces: all(),
                groups: all(),
                resources: all(),
                verbs: all(),
            }],
        )
    }

    /// Returns a user who may do nothing but look at the API itself.
    pub fn without_rights(name: &str) -> Self {
        User::with_rules(name, Vec::new())
    }

    /// Returns a user with rules.
    pub fn with_rules(name: &str, rules: Vec<Rule>) -> Self {
        User {
            name: name.into(),
            token: String::new(),
            rules,
        }
    }

    /// Returns whether this user may use `verb` on `resource` (`pods`, `pods/log`); no namespace means cluster-wide.
    pub fn may(&self, verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> bool {
        let holds = |list: &[String], wanted: &str| {
            list.iter().any(|entry| entry == "*" || entry == wanted)
        };
        self.rules.iter().any(|rule| {
            let here = match namespace {
                Some(namespace) => holds(&rule.namespaces, namespace),
                None => rule.namespaces.iter().any(|entry| entry == "*"),
            };
            here && holds(&rule.groups, group)
                && holds(&rule.resources, resource)
                && holds(&rule.verbs, verb)
        })
    }
}
