{{- /* Values that the schema lets pass and that cannot be meant. */ -}}
{{- define "gpucost.checks" -}}
{{- $told := default dict .Values.config.prometheus -}}
{{- $url := include "gpucost.prometheusUrl" . -}}
{{- if not $url -}}
{{- fail "prometheus.url is not set; name the Prometheus that scrapes dcgm-exporter, such as http://prometheus-operated.monitoring.svc:9090" -}}
{{- end -}}
{{- if and .Values.prometheus.url $told.url -}}
{{- fail "prometheus.url and config.prometheus.url are both set; leave one of them out" -}}
{{- end -}}
{{- if (urlParse $url).userinfo -}}
{{- fail "prometheus.url holds a user's name or password, which everyone could read in the ConfigMap; put them into a Secret and name it in prometheus.basicAuthSecret" -}}
{{- end -}}
{{- range $secret, $keys := dict "tokenSecret" (list "tokenFile") "basicAuthSecret" (list "usernameFile" "passwordFile") "clientCertificateSecret" (list "certificateFile" "keyFile") -}}
{{- range $keys -}}
{{- if and (get (get $.Values.prometheus $secret) "name") (get $told .) -}}
{{- fail (printf "prometheus.%s and config.prometheus.%s are both set; leave one of them out" $secret .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $all := (include "gpucost.configuration" . | fromYaml).prometheus -}}
{{- if and $all.tokenFile (or $all.usernameFile $all.passwordFile) -}}
{{- fail "a token (prometheus.tokenSecret or config.prometheus.tokenFile) and a user's name or password (prometheus.basicAuthSecret, or config.prometheus.usernameFile and passwordFile) are both set, and there is one Authorization header; leave one of them out" -}}
{{- end -}}
{{- range list (list "usernameFile" "passwordFile") (list "certificateFile" "keyFile") -}}
{{- if ne (empty (get $all (first .))) (empty (get $all (last .))) -}}
{{- fail (printf "of config.prometheus.%s and config.prometheus.%s one is set; set both or neither" (first .) (last .)) -}}
{{- end -}}
{{- end -}}
{{- if and $all.certificateFile (not (hasPrefix "https://" $url)) -}}
{{- fail "a certificate (prometheus.clientCertificateSecret or config.prometheus.certificateFile) is set and prometheus.url is no https URL, so that nobody would ask for it; write https, or leave the certificate out" -}}
{{- end -}}
{{- $headers := dict -}}
{{- range $name, $_ := default dict $told.headers -}}
{{- $_ := set $headers (lower $name) "config.prometheus.headers" -}}
{{- end -}}
{{- range include "gpucost.headers" . | fromYamlArray -}}
{{- if hasKey $headers (lower .header) -}}
{{- fail (printf "the header %s is set twice, among them in %s; leave one of them out" .header (get $headers (lower .header))) -}}
{{- end -}}
{{- $_ := set $headers (lower .header) "prometheus.headerSecrets or tenantSecret" -}}
{{- end -}}
{{- if gt (len $headers) 20 -}}
{{- fail (printf "%d headers are set for Prometheus; leave some out, so that there are 20 at most" (len $headers)) -}}
{{- end -}}
{{- range $name, $_ := $headers -}}
{{- if or (hasPrefix "content-" $name) (hasPrefix "proxy-" $name) (has $name (list "accept-encoding" "authorization" "connection" "cookie" "expect" "host" "keep-alive" "te" "trailer" "transfer-encoding" "upgrade" "user-agent")) -}}
{{- fail (printf "the header %s tells who we are or how a request is sent, and cannot be set; leave it out, and put credentials into prometheus.tokenSecret or basicAuthSecret" $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.prometheus.caSecret.name .Values.prometheus.caConfigMap.name -}}
{{- fail "prometheus.caSecret and prometheus.caConfigMap are both set; leave one of them out" -}}
{{- end -}}
{{- if and (or .Values.prometheus.caSecret.name .Values.prometheus.caConfigMap.name) $told.caFile -}}
{{- fail "prometheus.caSecret or caConfigMap, and config.prometheus.caFile are both set; leave one of them out" -}}
{{- end -}}
{{- if .Values.config.listen -}}
{{- fail "config.listen cannot be set, since the probes and the Service ask on port 8080; leave it out, and set service.port for another port of the Service" -}}
{{- end -}}
{{- if and .Values.config.namespace (ne .Values.config.namespace .Release.Namespace) -}}
{{- fail (printf "config.namespace is %s, but the operator is granted its rights in %s, the namespace of the release; leave it out, or install into %s" .Values.config.namespace .Release.Namespace .Values.config.namespace) -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor and metrics.podMonitor are both enabled, so that every sample would be taken twice; enable one of them" -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.create is false and serviceAccount.name is not set, so that the rights would go to the namespace's default account; name the account to use" -}}
{{- end -}}
{{- if and (gt (int .Values.replicaCount) 1) (not (dig "leaderElection" "enabled" true .Values.config)) -}}
{{- fail (printf "replicaCount is %d and config.leaderElection.enabled is false, so that all of them would do the same work; leave one of them out" (int .Values.replicaCount)) -}}
{{- end -}}
{{- if and .Values.podDisruptionBudget.enabled (lt (int .Values.replicaCount) 2) -}}
{{- fail "podDisruptionBudget.enabled needs another replica to wait for; set replicaCount to 2, or leave it out" -}}
{{- end -}}
{{- end -}}
