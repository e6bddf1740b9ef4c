{{- define "tidegate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "tidegate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "tidegate.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Names of cluster-wide objects contain the namespace, since releases in two namespaces may have the same name. */}}
{{- define "tidegate.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "tidegate.fullname" .) -}}
{{- end -}}

{{- define "tidegate.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "tidegate.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is missing: with serviceAccount.create=false, name the ServiceAccount that the agent runs as. The namespace's account \"default\" is not used, because every pod without an account of its own would then have the agent's rights" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.tokenSecret" -}}
{{- default (printf "%s-token" (include "tidegate.fullname" .)) .Values.http.token.existingSecret -}}
{{- end -}}

{{/* The entry of that Secret. The agent makes the entry `token`. */}}
{{- define "tidegate.tokenKey" -}}
{{- ternary .Values.http.token.key "token" (ne .Values.http.token.existingSecret "") -}}
{{- end -}}

{{- define "tidegate.tokenFile" -}}
{{- printf "/etc/tidegate/token/%s" (include "tidegate.tokenKey" .) -}}
{{- end -}}

{{- define "tidegate.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* "true" if there are several pods, of which one leads. */}}
{{- define "tidegate.hasSeveralPods" -}}
{{- if gt (int .Values.replicas) 1 -}}true{{- end -}}
{{- end -}}

{{- define "tidegate.port" -}}
{{- regexFind "[0-9]+$" .Values.http.listen -}}
{{- end -}}

{{/* The address for the probes: the one of http.listen with the next port, where none is given. */}}
{{- define "tidegate.probes" -}}
{{- .Values.http.probes | default (printf "%s%d" (regexReplaceAll "[0-9]+$" .Values.http.listen "") (include "tidegate.port" . | int | add1)) -}}
{{- end -}}

{{- define "tidegate.probesPort" -}}
{{- regexFind "[0-9]+$" (include "tidegate.probes" .) -}}
{{- end -}}

{{/* Fails for an address that nobody outside the container reaches. Takes the key and its value. */}}
{{- define "tidegate.checkAddress" -}}
{{- $key := index . 0 -}}
{{- $address := index . 1 -}}
{{- if not (regexMatch "^([0-9.]+|\\[[0-9a-fA-F:.]+\\]):[1-9][0-9]*$" $address) -}}
{{- fail (printf "%s must be an IP address and a port, as in 0.0.0.0:8080 or [::]:8080, not %q" $key $address) -}}
{{- end -}}
{{- if regexMatch "^(127\\.|\\[(0*:)*:*0*1\\]|\\[(0*:)*:?[fF]{4}:(127\\.|7[fF]))" $address -}}
{{- fail (printf "%s must not be %q: only the container itself reaches a loopback address, so the kubelet's probes and the Service would reach nobody. Set 0.0.0.0:PORT or [::]:PORT" $key $address) -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.selector" -}}
app.kubernetes.io/name: {{ include "tidegate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tidegate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "tidegate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* The Secret with the forge's token; empty without one. */}}
{{- define "tidegate.forgeSecret" -}}
{{- dig "pullRequest" "secret" "" .Values.automation -}}
{{- end -}}

{{/* `repo` of tidegate.yaml: the names of the Secret and the ConfigMap become the paths where they are mounted. */}}
{{- define "tidegate.repo" -}}
{{- $http := omit .Values.repo.http "secret" "caConfigMap" -}}
{{- with .Values.repo.http.secret -}}
{{- $_ := set $http "credentials" "/etc/tidegate/repo-login" -}}
{{- end -}}
{{- with .Values.repo.http.caConfigMap -}}
{{- $_ := set $http "caFile" "/etc/tidegate/repo-ca/ca.crt" -}}
{{- end -}}
{{- toYaml (merge (dict "http" $http) (omit .Values.repo "http")) -}}
{{- end -}}

{{/* tidegate.yaml */}}
{{- define "tidegate.config" -}}
{{- $_ := required "repo.url is missing: set it to the config repo's address, e.g. --set repo.url=ssh://git@github.com/acme/fleet.git" .Values.repo.url -}}
{{- if regexMatch "^[hH][tT][tT][pP][sS]?://.*(@|%40)" .Values.repo.url -}}
{{- fail "repo.url: an http:// or https:// address may hold no user, password or token, because this ConfigMap and the notes show it: write the address without what stands before the @, put the login into a Secret and name it in repo.http.secret" -}}
{{- end -}}
{{- if eq .Values.sync.set (printf "%s-config" (include "tidegate.fullname" .)) -}}
{{- fail (printf "sync.set must not be %q: the ConfigMap of that name holds the agent's configuration" .Values.sync.set) -}}
{{- end -}}
{{- include "tidegate.checkAddress" (list "http.listen" .Values.http.listen) -}}
{{- include "tidegate.checkAddress" (list "http.probes" (include "tidegate.probes" .)) -}}
{{- if eq (include "tidegate.port" .) (include "tidegate.probesPort" .) -}}
{{- fail (printf "http.probes must have another port than http.listen, which is %q" .Values.http.listen) -}}
{{- end -}}
{{- $http := dict "listen" .Values.http.listen "probes" (include "tidegate.probes" .) "tokenFile" (include "tidegate.tokenFile" .) -}}
{{- if not .Values.http.token.existingSecret -}}
{{- $_ := set $http "tokenSecret" (include "tidegate.tokenSecret" .) -}}
{{- end -}}
{{- if .Values.http.webhook.existingSecret -}}
{{- $_ := set $http "webhook" (dict "secretFile" (printf "/etc/tidegate/webhook/%s" .Values.http.webhook.key)) -}}
{{- end -}}
{{- $automation := deepCopy .Values.automation -}}
{{- if include "tidegate.forgeSecret" . -}}
{{- if $automation.pullRequest.tokenFile -}}
{{- fail "automation.pullRequest: secret and tokenFile exclude each other: keep one of them" -}}
{{- end -}}
{{- $_ := set $automation "pullRequest" (set (omit $automation.pullRequest "secret") "tokenFile" "/etc/tidegate/forge/token") -}}
{{- end -}}
{{- $config := dict "repo" (include "tidegate.repo" . | fromYaml) "automation" $automation "render" .Values.render "sync" .Values.sync "releases" .Values.releases "http" $http "stateDir" .Values.stateDir -}}
{{- with .Values.registries -}}
{{- $_ := set $config "registries" . -}}
{{- end -}}
{{- with .Values.targets -}}
{{- $_ := set $config "targets" . -}}
{{- end -}}
{{- with .Values.pullSecrets -}}
{{- $_ := set $config "pullSecrets" . -}}
{{- end -}}
{{- with .Values.mirrors -}}
{{- $_ := set $config "mirrors" . -}}
{{- end -}}
{{- with .Values.notifications -}}
{{- $_ := set $config "notifications" . -}}
{{- end -}}
{{- if include "tidegate.hasSeveralPods" . -}}
{{- $_ := set $config "leaderElection" (dict "enabled" true "lease" (include "tidegate.fullname" .)) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
