{{- /* The operator's configuration: `config`, and on top of it what the chart knows of Prometheus. */ -}}
{{- define "gpucost.configuration" -}}
{{- $config := deepCopy .Values.config -}}
{{- $prometheus := default dict $config.prometheus -}}
{{- with .Values.prometheus.url }}{{ $_ := set $prometheus "url" . }}{{ end -}}
{{- if .Values.prometheus.tokenSecret.name }}{{ $_ := set $prometheus "tokenFile" "/etc/gpucost/prometheus/token" }}{{ end -}}
{{- if .Values.prometheus.basicAuthSecret.name -}}
{{- $_ := set $prometheus "usernameFile" "/etc/gpucost/prometheus/username" -}}
{{- $_ := set $prometheus "passwordFile" "/etc/gpucost/prometheus/password" -}}
{{- end -}}
{{- if .Values.prometheus.clientCertificateSecret.name -}}
{{- $_ := set $prometheus "certificateFile" "/etc/gpucost/prometheus/tls.crt" -}}
{{- $_ := set $prometheus "keyFile" "/etc/gpucost/prometheus/tls.key" -}}
{{- end -}}
{{- if or .Values.prometheus.caSecret.name .Values.prometheus.caConfigMap.name -}}
{{- $_ := set $prometheus "caFile" "/etc/gpucost/prometheus/ca.crt" -}}
{{- end -}}
{{- $headers := default dict $prometheus.headers -}}
{{- range include "gpucost.headers" . | fromYamlArray -}}
{{- $_ := set $headers .header (printf "/etc/gpucost/prometheus/headers/%s" .header) -}}
{{- end -}}
{{- with $headers }}{{ $_ := set $prometheus "headers" . }}{{ end -}}
{{- toYaml (set $config "prometheus" $prometheus) -}}
{{- end -}}

{{- /* Headers whose values are in Secrets: `header`, `name` and `key` of each. */ -}}
{{- define "gpucost.headers" -}}
{{- $headers := .Values.prometheus.headerSecrets -}}
{{- with .Values.prometheus.tenantSecret -}}
{{- if .name }}{{ $headers = prepend $headers (dict "header" "X-Scope-OrgID" "name" .name "key" .key) }}{{ end -}}
{{- end -}}
{{- toYaml $headers -}}
{{- end -}}

{{- /* Whether anything of Prometheus is mounted: a word, or nothing. */ -}}
{{- define "gpucost.mounted" -}}
{{- with .Values.prometheus -}}
{{- if or .tokenSecret.name .basicAuthSecret.name .clientCertificateSecret.name .tenantSecret.name .headerSecrets .caSecret.name .caConfigMap.name -}}
yes
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* URL of Prometheus, from wherever it is told. */ -}}
{{- define "gpucost.prometheusUrl" -}}
{{- dig "prometheus" "url" "" (include "gpucost.configuration" . | fromYaml) -}}
{{- end -}}

{{- /* Volumes of a pod that reads the configuration, and their mounts below. */ -}}
{{- define "gpucost.volumes" -}}
- name: config
  configMap:
    name: {{ include "gpucost.fullname" . }}
- name: tmp
  emptyDir:
    sizeLimit: 16Mi
{{- if include "gpucost.mounted" . }}
- name: prometheus
  projected:
    defaultMode: 0440
    sources:
      {{- range include "gpucost.headers" . | fromYamlArray }}
      - secret:
          name: {{ .name }}
          items:
            - key: {{ .key }}
              path: headers/{{ .header }}
      {{- end }}
      {{- with .Values.prometheus }}
      {{- with .basicAuthSecret }}
      {{- if .name }}
      - secret:
          name: {{ .name }}
          items:
            - key: {{ .usernameKey }}
              path: username
            - key: {{ .passwordKey }}
              path: password
      {{- end }}
      {{- end }}
      {{- with .clientCertificateSecret }}
      {{- if .name }}
      - secret:
          name: {{ .name }}
          items:
            - key: {{ .certificateKey }}
              path: tls.crt
            - key: {{ .privateKeyKey }}
              path: tls.key
      {{- end }}
      {{- end }}
      {{- with .tokenSecret }}
      {{- if .name }}
      - secret:
          name: {{ .name }}
          items:
            - key: {{ .key }}
              path: token
      {{- end }}
      {{- end }}
      {{- with .caSecret }}
      {{- if .name }}
      - secret:
          name: {{ .name }}
          items:
            - key: {{ .key }}
              path: ca.crt
      {{- end }}
      {{- end }}
      {{- with .caConfigMap }}
      {{- if .name }}
      - configMap:
          name: {{ .name }}
          items:
            - key: {{ .key }}
              path: ca.crt
      {{- end }}
      {{- end }}
      {{- end }}
{{- end }}
{{- end -}}

{{- define "gpucost.volumeMounts" -}}
- name: config
  mountPath: /etc/gpucost/config
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- if include "gpucost.mounted" . }}
- name: prometheus
  mountPath: /etc/gpucost/prometheus
  readOnly: true
{{- end }}
{{- end -}}
