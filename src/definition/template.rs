//! The built-in templates: definitions to start from, with comments that teach the form.

/// A built-in template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// The name that `new` takes.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// The definition.
    pub text: &'static str,
}

/// All templates, in the order in which they are offered.
pub const TEMPLATES: [Template; 4] = [
    Template {
        name: "web",
        summary: "a web server behind a Service",
        text: include_str!("../../assets/templates/web.yaml"),
    },
    Template {
        name: "database",
        summary: "PostgreSQL on a volume of its own",
        text: include_str!("../../assets/templates/database.yaml"),
    },
    Template {
        name: "notebook",
        summary: "Jupyter with a GPU and a volume for the work",
        text: include_str!("../../assets/templates/notebook.yaml"),
    },
    Template {
        name: "worker",
        summary: "a background worker without ports",
        text: include_str!("../../assets/templates/worker.yaml"),
    },
];

/// Returns the text of the template `name`.
pub fn template(name: &str) -> Option<&'static str> {
    TEMPLATES.iter().find(|t| t.name == name).map(|t| t.text)
}

/// Returns the names of the templates, in the order in which they are offered.
pub fn names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|template| template.name)
}
