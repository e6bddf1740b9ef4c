use super::weight::{ALLOCATION, value_weight};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// A JSON value that takes little memory between its uses.
///
/// A `serde_json::Value` of a Deployment takes 2 to 7 kB, its text 1 kB. The text is compressed with a dictionary of the words that
/// manifests have in common. Reading it back takes some microseconds, far less than a request.
#[derive(Clone, PartialEq)]
pub struct Packed {
    form: Form,
    /// The bytes that the value takes on the heap when it is read.
    unpacked: usize,
}

#[derive(Clone, PartialEq)]
enum Form {
    /// The text, as an LZ4 block, and the length of the text in bytes.
    Text(Box<[u8]>, usize),
    /// A value that its text does not give back to the last bit, such as a float with many digits.
    Value(Box<Value>),
}

/// The words of manifests. LZ4 prefers the end of a dictionary, so that the most frequent ones stand there.
static WORDS: &[u8] = br#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get","list","watch","create","update","patch","delete"]}],"subjects":[{"kind":"ServiceAccount","name":"default","namespace":"default"}]}{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","spec":{"ingressClassName":"nginx","rules":[{"host":"example.com","http":{"paths":[{"backend":{"service":{"name":"web","port":{"number":80}}},"path":"/","pathType":"Prefix"}]}}],"tls":[{"hosts":["example.com"],"secretName":"tls"}]}}{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","spec":{"maxReplicas":10,"metrics":[{"resource":{"name":"cpu","target":{"averageUtilization":80,"type":"Utilization"}},"type":"Resource"}],"minReplicas":2,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment"}}}{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","spec":{"maxUnavailable":1,"minAvailable":1}}{"apiVersion":"batch/v1","kind":"CronJob","spec":{"concurrencyPolicy":"Forbid","jobTemplate":{"spec":{"backoffLimit":3,"template":{"spec":{"restartPolicy":"OnFailure"}}}},"schedule":"*/5 * * * *"}}{"apiVersion":"helm.fluxcd.io/v1","kind":"HelmRelease","spec":{"chart":{"repository":"https://","name":"","version":"1.0.0"},"releaseName":"","values":{"image":{"repository":"","tag":""},"resources":{}}}}{"apiVersion":"v1","kind":"Service","metadata":{"labels":{"app":""},"name":"web","namespace":"default"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app.kubernetes.io/name":""},"type":"ClusterIP"}}{"apiVersion":"v1","data":{"ca.crt":""},"kind":"Secret","metadata":{},"type":"Opaque"}{"apiVersion":"v1","data":{},"kind":"ConfigMap","metadata":{"annotations":{"tidegate.dev/automated":"true","tidegate.dev/tag.app":"semver:*"},"labels":{"app.kubernetes.io/instance":"","app.kubernetes.io/managed-by":"Helm","app.kubernetes.io/name":"","app.kubernetes.io/part-of":"","app.kubernetes.io/version":"1.0.0"},"name":"","namespace":""}}{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"fluxcd.io/automated":"true"},"labels":{"app":""},"name":"","namespace":""},"spec":{"replicas":1,"selector":{"matchLabels":{"app":""}},"strategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":0},"type":"RollingUpdate"},"template":{"metadata":{"annotations":{"prometheus.io/scrape":"true"},"labels":{"app":""}},"spec":{"affinity":{"podAntiAffinity":{}},"containers":[{"args":[""],"command":["/bin/sh","-c",""],"env":[{"name":"LOG_LEVEL","value":"info"},{"name":"","valueFrom":{"secretKeyRef":{"key":"password","name":""}}},{"name":"POD_NAME","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],"envFrom":[{"configMapRef":{"name":""}}],"image":"111122223333.dkr.ecr.eu-west-1.amazonaws.com/","imagePullPolicy":"IfNotPresent","livenessProbe":{"httpGet":{"path":"/healthz","port":"http"},"initialDelaySeconds":10,"periodSeconds":10,"timeoutSeconds":5},"name":"app","ports":[{"containerPort":8080,"name":"http","protocol":"TCP"}],"readinessProbe":{"httpGet":{"path":"/ready","port":8080}},"resources":{"limits":{"cpu":"500m","memory":"256Mi"},"requests":{"cpu":"100m","memory":"128Mi"}},"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true,"runAsNonRoot":true,"runAsUser":1000},"volumeMounts":[{"mountPath":"/etc/config","name":"config","readOnly":true}]}],"imagePullSecrets":[{"name":""}],"initContainers":[],"nodeSelector":{"kubernetes.io/os":"linux"},"serviceAccountName":"","terminationGracePeriodSeconds":30,"tolerations":[],"volumes":[{"configMap":{"name":""},"name":"config"},{"emptyDir":{},"name":"tmp"}]}}}}"#;

impl Packed {
    /// Packs a value.
    pub fn of(value: &Value) -> Self {
        let (text, unpacked) = (value.to_string(), value_weight(value));
        if has_float(value) && serde_json::from_str::<Value>(&text).ok().as_ref() != Some(value) {
            return Self {
                form: Form::Value(Box::new(value.clone())),
                unpacked,
            };
        }
        let bytes = lz4_flex::block::compress_with_dict(text.as_bytes(), WORDS);
        Self {
            form: Form::Text(bytes.into_boxed_slice(), text.len()),
            unpacked,
        }
    }

    /// The value.
    pub fn value(&self) -> Value {
        match &self.form {
            Form::Value(value) => Value::clone(value),
            Form::Text(..) => serde_json::from_str(&self.text()).expect("the text of a value is JSON"),
        }
    }

    /// The value as compact JSON with ordered keys.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match &self.form {
            Form::Value(value) => value.to_string().into(),
            Form::Text(bytes, length) => {
                let text = lz4_flex::block::decompress_with_dict(bytes, *length, WORDS);
                let text = text.expect("the block was made from a text of this length with the same words");
                String::from_utf8(text).expect("the block was made from a text").into()
            }
        }
    }

    /// About how many bytes of memory the value takes on the heap.
    pub(crate) fn weight(&self) -> usize {
        match &self.form {
            Form::Text(bytes, _) => bytes.len() + ALLOCATION,
            Form::Value(_) => self.unpacked,
        }
    }

    /// About how many bytes of memory [`Packed::value`] takes on the heap.
    pub(crate) fn unpacked_weight(&self) -> usize {
        self.unpacked
    }
}

/// Secrets are objects, too: nothing of the value is printed.
impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packed(..)")
    }
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(entries) => entries.values().any(has_float),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_manifest_takes_a_fraction_of_its_text_and_comes_back_whole() {
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "checkout", "namespace": "shop", "labels": {"app": "checkout", "team": "payments"},
                "annotations": {"fluxcd.io/automated": "true", "tidegate.dev/tag.app": "semver:~1.4"}},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "checkout"}},
                "template": {"metadata": {"labels": {"app": "checkout", "team": "payments"}},
                    "spec": {"containers": [{"name": "app", "image": "registry.example.com/shop/checkout:1.4.2",
                        "ports": [{"containerPort": 9000, "name": "grpc"}],
                        "env": [{"name": "LOG_LEVEL", "value": "debug"}],
                        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "512Mi"}}}]}}},
        });
        let packed = Packed::of(&deployment);
        let text = deployment.to_string();
        assert_eq!(packed.value(), deployment);
        assert_eq!(packed.text(), text);
        assert!(
            packed.weight() * 2 < text.len(),
            "{} of {} bytes",
            packed.weight(),
            text.len()
        );
        assert!(packed.weight() * 20 < value_weight(&deployment));
    }

    #[test]
    fn values_that_a_text_may_not_give_back_come_back_whole() {
        for value in [
            json!(0.1),
            json!(f64::MIN_POSITIVE),
            json!(f64::MAX),
            json!(-0.0),
            json!(1e23),
            json!(2.225_073_858_507_201e-308),
            json!(u64::MAX),
            json!(i64::MIN),
            json!({"": [null, true, {"\u{0}\u{10ffff}\"": "\\"}]}),
            Value::Null,
        ] {
            assert_eq!(Packed::of(&value).value(), value);
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "(apiVersion|apps/v1|Deployment|metadata|name|image){1,9}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("(name|spec|[a-z]{0,3})", inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_comes_back(value in any_value(), other in any_value()) {
            let packed = Packed::of(&value);
            prop_assert_eq!(&packed.value(), &value);
            prop_assert_eq!(packed.text(), value.to_string());
            prop_assert_eq!(packed == Packed::of(&other), value == other);
        }
    }
}
