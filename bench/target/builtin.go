package target

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// The names of the targets that need no file.
const (
	Direct       = "direct" // the upstream itself, with nothing before it
	NginxName    = "nginx"
	FairleadName = "fairlead"
)

// Keys makes the keys of n apps.
func Keys(n int) (all []string) {
	for range n {
		all = append(all, "bench-"+rand.Text())
	}
	return all
}

// base is what the built-in targets have in common.
func base(name string, keys []string) Spec {
	return Spec{Name: name, Path: "/v1/chat/completions", Headers: []string{"Authorization: Bearer {key}"}, Keys: keys, Model: "bench"}
}

// NewDirect is the upstream itself: nothing is started.
func NewDirect(keys []string) Spec { return base(Direct, keys) }

// Nginx is the anchor: the least that a gateway does. It checks the key against
// a map, sends its own key to the upstream over kept connections and passes the
// answer on as it comes; it writes no log. A long prompt stays in memory, since
// by default it would go to a file first.
func Nginx(program string, keys []string) Spec {
	var allowed strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&allowed, "    \"Bearer %s\" 1;\n", key)
	}
	s := base(NginxName, keys)
	s.Command = []string{program, "-p", "{dir}", "-c", "{dir}/nginx.conf", "-e", "{dir}/error.log"}
	s.Files = map[string]string{"nginx.conf": strings.ReplaceAll(nginxConfig, "{allowed}", allowed.String())}
	return s
}

const nginxConfig = `daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log crit;
worker_processes {procs};
worker_rlimit_nofile 60000;
events { worker_connections 30000; }
http {
  access_log off;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi;
  scgi_temp_path {dir}/scgi;
  map_hash_bucket_size 256;
  map $http_authorization $allowed {
    default 0;
{allowed}  }
  upstream mock {
    server {address};
    keepalive 4096;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }
  server {
    listen {listen} backlog=4096;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_max_body_size 32m;
    client_body_buffer_size 256k;
    location / {
      if ($allowed = 0) { return 401; }
      proxy_pass {scheme}://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host mock;
      proxy_set_header Authorization "Bearer upstream-key";
      proxy_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`

// Fairlead is the service as it is by default, with limits so high that they
// refuse nothing: they are all still counted and checked, and each call has its
// line in the log, a file.
func Fairlead(program string, keys []string) Spec {
	var apps strings.Builder
	for i, key := range keys {
		fmt.Fprintf(&apps, "  - {name: app-%d, keys: [%q]}\n", i, key)
	}
	s := base(FairleadName, keys)
	s.Command = []string{program, "serve", "--config", "{dir}/fairlead.yaml"}
	s.Files = map[string]string{"fairlead.yaml": strings.ReplaceAll(fairleadConfig, "{apps}", apps.String())}
	return s
}

const fairleadConfig = `server:
  listen: {listen}
  data_dir: {dir}/data
limits:
  max_concurrent_requests: 50000
  rate_limit_per_minute: 1000000
  max_queue: 50000
  max_queue_per_app: 50000
  burst: {requests_per_second: 1000000}
timeouts: {chat: 600}
apps:
{apps}llm:
  default_model: mock/bench
  providers:
    mock:
      base_url: {upstream}/v1
      api_key: upstream-key-of-the-benchmark
      dialect: openai
      models: [bench]
      http_client:
        max_connections: 50000
        max_keepalive: 50000
        keepalive_expiry: 600
        concurrent_requests: 50000
        read_timeout: 600
`
