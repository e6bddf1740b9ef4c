{{/* The Secrets that the agent makes, as JSON: its deploy key and its API token. */}}
{{- define "tidegate.ownSecrets" -}}
{{- $secrets := list -}}
{{- if and .Values.repo.key.secret (not (hasPrefix "http" .Values.repo.url)) -}}
{{- $secrets = append $secrets .Values.repo.key.secret -}}
{{- end -}}
{{- if not .Values.http.token.existingSecret -}}
{{- $secrets = append $secrets (include "tidegate.tokenSecret" .) -}}
{{- end -}}
{{- toJson $secrets -}}
{{- end -}}

{{/* The sets of all targets, as JSON: the names of their records. */}}
{{- define "tidegate.sets" -}}
{{- $sets := list -}}
{{- range .Values.targets -}}
{{- $default := ternary $.Values.sync.set (printf "%s-%s" $.Values.sync.set .name) (eq .name "here") -}}
{{- $sets = append $sets (default $default .set) -}}
{{- end -}}
{{- toJson (default (list .Values.sync.set) $sets) -}}
{{- end -}}

{{/* The ConfigMaps that the agent writes, as JSON: the records, what was applied, and what notifications announced. */}}
{{- define "tidegate.ownConfigMaps" -}}
{{- $sets := include "tidegate.sets" . | fromJsonArray -}}
{{- $maps := list -}}
{{- range $set := $sets -}}
{{- $maps = append $maps $set -}}
{{- range until 16 -}}
{{- $maps = append $maps (printf "%s-applied-%x" $set .) -}}
{{- end -}}
{{- end -}}
{{- if .Values.notifications -}}
{{- $maps = append $maps (printf "%s-announced" (first $sets)) -}}
{{- end -}}
{{- toJson $maps -}}
{{- end -}}

{{/* What the agent may apply: in the cluster, or in each of `sync.namespaces`. */}}
{{- define "tidegate.rules" -}}
{{- $write := list "get" "list" "watch" "create" "update" "patch" "delete" | toJson -}}
{{- $namespaced := not (empty .Values.sync.namespaces) -}}
{{- if .Values.rbac.rules -}}
{{- toYaml .Values.rbac.rules }}
{{- else -}}
- apiGroups: [""]
  resources:
    - configmaps
    - secrets
    - services
    - endpoints
    - serviceaccounts
    - pods
    - podtemplates
    - replicationcontrollers
    - persistentvolumeclaims
    - limitranges
    - resourcequotas
    {{- if not $namespaced }}
    - namespaces
    - persistentvolumes
    {{- end }}
  verbs: {{ $write }}
# What controllers say about pods that they cannot create.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets, replicasets]
  verbs: {{ $write }}
# The revisions of StatefulSets and DaemonSets: which pods are those of the newest one.
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [list]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: {{ $write }}
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: {{ $write }}
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: {{ $write }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: {{ $write }}
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: {{ $write }}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: {{ $write }}
- apiGroups: [gateway.networking.k8s.io]
  resources:
    - gateways
    - httproutes
    - grpcroutes
    - tcproutes
    - tlsroutes
    - udproutes
    - referencegrants
    - backendtlspolicies
    {{- if not $namespaced }}
    - gatewayclasses
    {{- end }}
  verbs: {{ $write }}
- apiGroups: [helm.fluxcd.io, helm.toolkit.fluxcd.io]
  resources: [helmreleases]
  verbs: {{ $write }}
{{- if .Values.releases.enabled }}
- apiGroups: [helm.fluxcd.io]
  resources: [helmreleases/status]
  verbs: [get, update, patch]
{{- end }}
# Without `escalate` and `bind`, the API server rejects roles and bindings that grant more than these rules.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: {{ $write }}
{{- if not $namespaced }}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: {{ $write }}
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: {{ $write }}
- apiGroups: [scheduling.k8s.io]
  resources: [priorityclasses]
  verbs: {{ $write }}
- apiGroups: [node.k8s.io]
  resources: [runtimeclasses]
  verbs: {{ $write }}
- apiGroups: [apiregistration.k8s.io]
  resources: [apiservices]
  verbs: {{ $write }}
# Without the ValidatingAdmissionPolicies, since one of them guards namespaces against the agent.
- apiGroups: [admissionregistration.k8s.io]
  resources: [mutatingwebhookconfigurations, validatingwebhookconfigurations]
  verbs: {{ $write }}
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: {{ $write }}
- apiGroups: [rbac.authorization.k8s.io]
  resources: [clusterroles, clusterrolebindings]
  verbs: {{ $write }}
{{- end }}
{{- end }}
{{- if .Values.pullSecrets }}
{{ include "tidegate.pullSecretRules" . }}
{{- end }}
{{- if .Values.mirrors }}
{{ include "tidegate.mirrorRules" . }}
{{- end }}
{{- with .Values.rbac.extraRules }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What the rules for pull secrets take. Kubernetes cannot restrict a list to a label. */}}
{{- define "tidegate.pullSecretRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
{{- if not .Values.sync.namespaces }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
{{- end }}
{{- $accounts := include "tidegate.pullSecretAccounts" . | fromJsonArray }}
{{- with $accounts }}
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [serviceaccounts]
  resourceNames: {{ toJson . }}
  verbs: [get, patch]
{{- end }}
{{- end -}}

{{/* What the rules for mirrors take. Kubernetes cannot restrict a list to a label. */}}
{{- define "tidegate.mirrorRules" -}}
- apiGroups: [""]
  resources: {{ include "tidegate.mirrorKinds" . }}
  verbs: [get, list, watch, create, patch, delete]
{{- if not .Values.sync.namespaces }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
{{- end }}
{{- end -}}

{{/* The resources that the rules for mirrors copy, as JSON. */}}
{{- define "tidegate.mirrorKinds" -}}
{{- $kinds := list -}}
{{- range .Values.mirrors -}}
{{- $kind := default (ternary "Both" "Secret" (not (empty .annotated))) .kind -}}
{{- if ne $kind "ConfigMap" -}}
{{- $kinds = append $kinds "secrets" -}}
{{- end -}}
{{- if ne $kind "Secret" -}}
{{- $kinds = append $kinds "configmaps" -}}
{{- end -}}
{{- end -}}
{{- toJson (uniq $kinds) -}}
{{- end -}}

{{/* "true" if a rule for mirrors names targets: the agent then reads the UID of its own cluster. */}}
{{- define "tidegate.mirrorsElsewhere" -}}
{{- range .Values.mirrors -}}{{- if .targets -}}true{{- end -}}{{- end -}}
{{- end -}}

{{/* The names of the Secrets of the rules, as JSON. */}}
{{- define "tidegate.pullSecretNames" -}}
{{- $names := list -}}
{{- range .Values.pullSecrets -}}
{{- $names = append $names (default "tidegate-pull" .secret) -}}
{{- end -}}
{{- toJson (uniq $names) -}}
{{- end -}}

{{/* The ServiceAccounts of the rules, as JSON. */}}
{{- define "tidegate.pullSecretAccounts" -}}
{{- $names := list -}}
{{- range .Values.pullSecrets -}}
{{- $names = concat $names (default list .serviceAccounts) -}}
{{- end -}}
{{- toJson (uniq $names) -}}
{{- end -}}

{{/* The guarded namespaces as JSON. "." is the release's own. */}}
{{- define "tidegate.guarded" -}}
{{- $names := list -}}
{{- range .Values.rbac.guardedNamespaces -}}
{{- $names = append $names (ternary $.Release.Namespace . (eq . ".")) -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}
