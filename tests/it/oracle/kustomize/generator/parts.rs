use super::Generator;
use super::workload::Workload;
use std::fmt::Write as _;

impl Generator<'_> {
    /// Patches, names, labels, images, and what Tidegate does not evaluate.
    pub(super) fn parts(&mut self, folder: &str, text: &mut String, workloads: &mut [Workload], prefix: Option<&str>) {
        for (key, count) in [("patchesStrategicMerge", 1), ("patches", 3), ("patchesJson6902", 1)] {
            let patches: String = (0..self.random.below(count + 1))
                .map(|_| self.patch(folder, key, workloads))
                .collect();
            if !patches.is_empty() {
                write!(text, "{key}:\n{patches}").unwrap();
            }
        }
        self.names(text, workloads, prefix);
        self.metadata(text, workloads);
        if self.random.one_in(2) {
            *text += &self.images();
        }
        if self.random.one_in(14) {
            let other = self.other(workloads);
            *text += &other;
        }
    }

    fn names(&mut self, text: &mut String, workloads: &mut [Workload], prefix: Option<&str>) {
        if self.random.one_in(4) {
            let namespace = self.random.pick(&["prod", "shop", "default"]);
            writeln!(text, "namespace: {namespace}").unwrap();
            for workload in workloads.iter_mut() {
                workload.rename(workload.name.clone(), Some(namespace.to_owned()));
            }
        }
        if prefix.is_some() || self.random.one_in(4) {
            let prefix = prefix.unwrap_or("pre-");
            writeln!(text, "namePrefix: {prefix}").unwrap();
            for workload in workloads.iter_mut() {
                workload.rename(format!("{prefix}{}", workload.name), workload.namespace.clone());
            }
        }
        if self.random.one_in(5) {
            *text += "nameSuffix: -suf\n";
            for workload in workloads.iter_mut() {
                workload.rename(format!("{}-suf", workload.name), workload.namespace.clone());
            }
        }
    }

    fn metadata(&mut self, text: &mut String, workloads: &mut [Workload]) {
        match self.random.below(12) {
            0 => *text += "commonAnnotations: {tidegate.dev/locked: \"true\"}\n",
            1 | 2 => *text += "commonAnnotations: {note: here}\n",
            3 => *text += "commonAnnotations: {tidegate.dev/automated: \"true\"}\n",
            _ => {}
        }
        match self.random.below(8) {
            0 | 1 => *text += "labels:\n- pairs: {tier: front}\n",
            2 => *text += "commonLabels: {tier: front}\n",
            _ => return,
        }
        for workload in workloads.iter_mut() {
            workload.labels.push(("tier".to_owned(), "front".to_owned()));
        }
    }

    /// Something that may change images, and that Tidegate does not evaluate.
    fn other(&mut self, workloads: &[Workload]) -> String {
        let from = workloads[self.random.below(workloads.len())].clone();
        let to = workloads[self.random.below(workloads.len())].clone();
        let image = |workload: &Workload| format!("{}.containers.0.image", workload.pod_spec().join("."));
        match self.random.below(5) {
            0 => format!(
                "replacements:\n- source: {{kind: {}, name: {}, fieldPath: {}}}\n  targets:\n  - select: {{kind: {}}}\n    fieldPaths: [{}]\n",
                from.kind,
                from.name,
                image(&from),
                to.kind,
                image(&to)
            ),
            1 => format!(
                "replacements:\n- source: {{kind: {}, name: {}, fieldPath: metadata.name}}\n  targets:\n  - select: {{kind: {}}}\n    fieldPaths: [metadata.annotations.note]\n    options: {{create: true}}\n",
                from.kind, from.name, to.kind,
            ),
            2 => format!(
                "transformers:\n- |-\n  apiVersion: builtin\n  kind: ImageTagTransformer\n  metadata: {{name: tags}}\n  imageTag: {{name: {}, newTag: 6.0.0}}\n",
                self.random.pick(&super::images::IMAGES)
            ),
            3 => "transformers:\n- |-\n  apiVersion: builtin\n  kind: AnnotationsTransformer\n  metadata: {name: notes}\n  annotations: {tidegate.dev/locked: \"true\"}\n  fieldSpecs:\n  - {path: metadata/annotations, create: true}\n".to_owned(),
            _ => format!(
                "generators:\n- |-\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {{name: made{}}}\n  literals: [a=b]\n",
                self.random.below(1000)
            ),
        }
    }
}
