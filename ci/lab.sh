#!/usr/bin/env bash
# ci/lab.sh up|ensure|reset|prepare|status|down|config: a kind cluster with real ovn-central pods, for a machine with Docker.
#   up      build what is missing, make the cluster, install the lab, wait until nb and sb have all their voters;
#           what is there already is left alone
#   ensure  the same, but an ovn-central that is not in order (a run was cut off) begins anew
#   reset   the same, but ovn-central begins anew: nodes mended and relabelled, databases removed
#   prepare see to Docker and the images, and print the node image (empty: kind's own)
#   status  what is there, and each member's words; exit 0 if all are voters
#   down    remove all that `up` made: cluster, images, directory
#   config  print the configuration that kind gets
# LAB_NAME, LAB_MEMBERS, LAB_SPARES, LAB_RELEASE (whose rules the start script follows), LAB_PLACEMENT, LAB_NODE_IMAGE,
# LAB_CONTROL_PLANES (default: 3, which keep etcd's majority when one node is lost; 1 is lighter),
# LAB_DIR (kubeconfig, kubectl), LAB_INSTALL (lab or kube-ovn), LAB_SSL (1: raft, clients and northd speak TLS) and
# LAB_NAMESPACE (default: kube-system) may be set. "lab" is our own image and start script around Debian's OVN, without a data plane; "kube-ovn" is the chart of the real thing, which needs helm, Docker's registry and
# the kernel module openvswitch. Default: kube-ovn where helm is and LAB_KINDLAB is not, else lab.
# LAB_KINDLAB is a directory with scripts that make kind's images where no registry can be reached (default:
# ../shared/kindlab, if it is there); without it upstream's images are pulled.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

NAME=${LAB_NAME:-ovnswap-lab} MEMBERS=${LAB_MEMBERS:-3} SPARES=${LAB_SPARES:-1} CONTROL_PLANES=${LAB_CONTROL_PLANES:-3}
PLACEMENT=${LAB_PLACEMENT:-} TLS=${LAB_SSL:-} NAMESPACE=${LAB_NAMESPACE:-kube-system}
DIR=$(realpath -m "${LAB_DIR:-.make/lab/$NAME}")
KINDLAB=${LAB_KINDLAB-../shared/kindlab}
[ -x "$KINDLAB/up.sh" ] || KINDLAB=''
INSTALL=${LAB_INSTALL:-}
if [ -z "$INSTALL" ]; then
  { [ -z "$KINDLAB" ] && command -v helm >/dev/null; } && INSTALL=kube-ovn || INSTALL=lab
fi
[ "$INSTALL" = kube-ovn ] && RELEASE=v1.16.2 || RELEASE=v1.13.15 # the chart wants Kubernetes 1.29 or later
RELEASE=${LAB_RELEASE:-$RELEASE}
IMAGE=ovnswap.local/ovn-central:$RELEASE
CHARTS=${LAB_CHARTS:-https://kubeovn.github.io/kube-ovn/}
CONFIG=$DIR/kubeconfig
[ "$INSTALL" = kube-ovn ] && FORMS_WITHIN=900 || FORMS_WITHIN=240 # images are pulled
PYTHON=.venv/bin/python
[ -x $PYTHON ] || PYTHON=python3

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$1" && exit 1; }
quiet() { "$@" >>"$DIR/log" 2>&1 </dev/null || { tail -n 20 "$DIR/log" >&2 && die "failed: $*; all of it is in $DIR/log"; }; }
kc() { "$DIR/kubectl" --kubeconfig "$CONFIG" --request-timeout=20s "$@"; }
# grep reads to the end here and below: one that stops at the first match (-q, -m1, head) ends the command before it by
# SIGPIPE now and then, which pipefail takes for "no".
cluster_exists() { kind get clusters 2>/dev/null | grep -x "$NAME" >/dev/null; }

config() {
  local i
  printf 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n'
  [ "$INSTALL" = lab ] || printf 'networking: {disableDefaultCNI: true, podSubnet: 10.16.0.0/16, serviceSubnet: 10.96.0.0/12}\n'
  if [ -n "$KINDLAB" ]; then # everything from one node image; pods get their network from a file
    cat <<EOF
networking: {disableDefaultCNI: true}
kubeadmConfigPatches:
- |
  kind: ClusterConfiguration
  imageRepository: kind.local
  etcd: {local: {imageTag: 3.5.16-0}}
  dns: {imageTag: "1"}
- |
  kind: InitConfiguration
  skipPhases: [preflight, addon/coredns]
- |
  kind: KubeletConfiguration
  cgroupDriver: cgroupfs
EOF
  fi
  echo 'nodes:'
  for ((i = 1; i <= MEMBERS + SPARES; i++)); do
    [ $i -le "$CONTROL_PLANES" ] && [ $i -le "$MEMBERS" ] && echo '- role: control-plane' || echo '- role: worker'
  done
}

# -- images ------------------------------------------------------------------------------------------------------------

docker_is_up() { command -v docker >/dev/null && timeout 30 docker info >/dev/null 2>&1; }
has_image() { docker image inspect "$1" >/dev/null 2>&1; }

see_to_docker() {
  local there=1
  docker_is_up || there=0
  if [ -n "$KINDLAB" ] && { [ $there = 0 ] || ! has_image kind.local/ovn:25.03 || ! node_image >/dev/null; }; then
    say "making kind's images (several minutes the first time)"
    [ $there = 1 ] || touch "$DIR/started-docker"
    quiet "$KINDLAB/up.sh"
  fi
  docker_is_up || die "Docker does not answer; start it, or install it (Debian: sudo apt-get install docker.io)"
  command -v kind >/dev/null || die "kind not found; see https://kind.sigs.k8s.io/docs/user/quick-start/#installation"
}

# Empty: the image that kind has built in.
node_image() {
  if [ -n "${LAB_NODE_IMAGE:-}" ] || [ -z "$KINDLAB" ]; then
    echo "${LAB_NODE_IMAGE:-}"
  else
    docker images --format '{{.Repository}}:{{.Tag}}' kind.local/node | sed -n '1p' | grep .
  fi
}

build_image() {
  local base=kind.local/ovn:25.03 context=$DIR/image
  if [ -z "$KINDLAB" ]; then
    base=ovnswap.local/ovn-base:trixie
    has_image $base || quiet docker build -t $base -f ci/kind/image/base.Dockerfile ci/kind/image
  fi
  rm -rf "$context"
  mkdir -p "$context"
  cp ci/kind/image/*.sh ci/kind/image/Dockerfile "$context/"
  "$PYTHON" ci/kind/release_rules.py "$RELEASE" >"$context/profile.sh"
  cp "$DIR/kubectl" "$context/kubectl"
  quiet docker build --build-arg "BASE=$base" -t "$IMAGE" "$context"
  rm -rf "$context"
}

# Unless these very nodes have this very image: it takes half a minute on a busy machine.
load_image() {
  local loaded
  loaded=$(docker inspect -f '{{.Id}}' "$IMAGE" $(nodes))
  [ "$loaded" != "$(cat "$DIR/loaded" 2>/dev/null)" ] || return 0
  quiet kind load docker-image "$IMAGE" --name "$NAME"
  echo "$loaded" >"$DIR/loaded"
}

# kubectl as the nodes have it: the right version, and nothing to install.
take_kubectl() {
  [ -x "$DIR/kubectl" ] || docker cp "$NAME-control-plane:/usr/bin/kubectl" "$DIR/kubectl" >/dev/null
}

# -- the cluster -------------------------------------------------------------------------------------------------------

nodes() { # by name, kind's order: control-plane, control-plane2, ..., worker, worker2, ...
  kind get nodes --name "$NAME" 2>/dev/null | grep -v external | sort -V
}

members() { nodes | sed -n "1,${MEMBERS}p"; }

make_cluster() {
  local image
  if cluster_exists; then
    mend_nodes
    [ -s "$CONFIG" ] || kind export kubeconfig --name "$NAME" --kubeconfig "$CONFIG" 2>>"$DIR/log"
  else
    say "making cluster $NAME"
    config >"$DIR/kind.yaml"
    image=$(node_image)
    quiet kind create cluster --name "$NAME" ${image:+--image "$image"} --config "$DIR/kind.yaml" --kubeconfig "$CONFIG"
  fi
  take_kubectl
  [ -z "$KINDLAB" ] || quiet "$KINDLAB/cni.sh" "$NAME"
  [ "$INSTALL" = kube-ovn ] || until_true 180 "all nodes to be Ready" all_nodes_ready # else the chart brings the network
}

# Whatever a fault has left: stopped or paused containers, rules that drop packets.
mend_nodes() {
  local node state
  for node in $(kind get nodes --name "$NAME"); do
    state=$(docker inspect -f '{{.State.Status}}' "$node")
    [ "$state" != paused ] || docker unpause "$node" >/dev/null
    [ "$state" != exited ] || docker start "$node" >/dev/null
    docker exec "$node" nft delete table inet ovnswap >/dev/null 2>&1 || true
  done
}

all_nodes_ready() { [ "$(kc get nodes --no-headers | awk '$2 ~ /^Ready/' | wc -l)" = $((MEMBERS + SPARES)) ]; }

until_true() { # until_true SECONDS WHAT COMMAND...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || { kc get pods -n "$NAMESPACE" -o wide >&2 || true; die "waited too long for $what"; }
    sleep 1
  done
}

# -- ovn-central -------------------------------------------------------------------------------------------------------

address_of() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"; }

node_ips() {
  local node ips=''
  for node in $(members); do
    ips+=,$(address_of "$node")
  done
  echo "${ips#,}"
}

install() {
  local node
  for node in $(members); do
    quiet kc label node "$node" kube-ovn/role=master --overwrite
  done
  if [ "$INSTALL" = kube-ovn ]; then
    install_chart
  else
    install_lab
  fi
}

install_lab() {
  local version
  build_image
  load_image
  version=$(kc version -o json | sed -n '/serverVersion/,$p' | sed -nE 's/.*"gitVersion": "v([0-9]+\.[0-9]+).*/\1/p')
  "$PYTHON" ci/kind/manifests.py --image "$IMAGE" --release "$RELEASE" --kubernetes "$version" --node-ips "$(node_ips)" \
    --namespace "$NAMESPACE" ${PLACEMENT:+--placement "$PLACEMENT"} ${TLS:+--ssl} >"$DIR/manifests.json"
  kc get namespace "$NAMESPACE" >/dev/null 2>&1 || quiet kc create namespace "$NAMESPACE"
  quiet kc delete secret kube-ovn-tls -n "$NAMESPACE" --ignore-not-found
  if [ -n "$TLS" ]; then
    make_keys
    quiet kc create secret generic kube-ovn-tls -n "$NAMESPACE" --from-file="$DIR/tls"
  else
    rm -rf "$DIR/tls"
  fi
  quiet kc apply -f "$DIR/manifests.json"
}

# One certificate for all servers and clients, and its authority, as Kube-OVN's secret kube-ovn-tls has them.
make_keys() {
  local at=$DIR/tls
  command -v openssl >/dev/null || die "LAB_SSL needs openssl (Debian: sudo apt-get install openssl)"
  [ ! -s "$at/cert" ] || return 0
  rm -rf "$at" && mkdir -p "$at"
  quiet openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=ovnswap lab authority" \
    -keyout "$DIR/authority-key" -out "$at/cacert"
  quiet openssl req -newkey rsa:2048 -nodes -subj "/CN=ovn" -keyout "$at/key" -out "$DIR/request"
  quiet openssl x509 -req -in "$DIR/request" -CA "$at/cacert" -CAkey "$DIR/authority-key" -set_serial 1 -days 3650 -out "$at/cert"
  rm -f "$DIR/authority-key" "$DIR/request"
}

# Kube-OVN itself, as its Makefile installs it in kind. The chart looks up NODE_IPS by the label.
install_chart() {
  quiet helm_here upgrade --install kube-ovn kube-ovn --repo "$CHARTS" --version "$RELEASE" -n kube-system \
    --set global.images.kubeovn.tag="$RELEASE" --set networking.NET_STACK=ipv4 --set MASTER_NODES_LABEL=kube-ovn/role=master \
    --set ipv4.POD_CIDR=10.16.0.0/16 --set ipv4.POD_GATEWAY=10.16.0.1 --set ipv4.SVC_CIDR=10.96.0.0/12 \
    --set ipv4.JOIN_CIDR=100.64.0.0/16 --set cni_conf.MOUNT_LOCAL_BIN_DIR=true
}

helm_here() { helm --kubeconfig "$CONFIG" "$@"; }

# Nobody may make a pod again once its node has been cleared: a server that is left over from the old cluster would give
# its cluster id to those that join.
uninstall() {
  local node found
  for found in $(printf '%s\n' $(where_installed) "$NAMESPACE" | sort -u); do
    NAMESPACE=$found uninstall_from_namespace
  done
  for node in $(nodes); do
    quiet kc label node "$node" kube-ovn/role-
    quiet kc uncordon "$node"
    until_true 60 "ovn-central's servers on $node to end" no_servers "$node"
    docker exec "$node" sh -c 'rm -rf /etc/origin/ovn /etc/origin/ovn.copy /etc/origin/ovn.removed-* /run/ovn /var/log/ovn'
  done
}

where_installed() { kc get deployments -A --field-selector metadata.name=ovn-central -o 'jsonpath={.items[*].metadata.namespace}'; }

uninstall_from_namespace() {
  if kc get deployment/ovn-central -n "$NAMESPACE" >/dev/null 2>&1; then
    kc rollout resume deployment/ovn-central -n "$NAMESPACE" >/dev/null 2>&1 || true
    quiet kc scale deployment/ovn-central -n "$NAMESPACE" --replicas=0
    until_true 60 "ovn-central to be scaled down" scaled_down
  fi
  quiet kc delete pods -n "$NAMESPACE" -l 'app in (ovn-central,kube-ovn-controller,ovs,ovnswap-files)' --force --grace-period=0 --ignore-not-found
  [ "$INSTALL" = lab ] || quiet helm_here uninstall kube-ovn -n kube-system --ignore-not-found
  quiet kc delete deployment/ovn-central deployment/kube-ovn-controller daemonset/ovs-ovn -n "$NAMESPACE" --ignore-not-found
  quiet kc delete lease -n "$NAMESPACE" ovnswap --ignore-not-found
}

scaled_down() { [[ $(kc get replicaset -n "$NAMESPACE" -l app=ovn-central -o 'jsonpath={.items[*].spec.replicas}') != *[1-9]* ]]; }
no_servers() { ! docker exec "$1" sh -c 'cat /proc/[0-9]*/comm 2>/dev/null' | grep -E '^(ovsdb-server|ovn-northd)$' >/dev/null; }

pods() { kc get pods -n "$NAMESPACE" -l app=ovn-central --field-selector status.phase=Running -o name; }

words() { # words POD DB SCHEMA
  kc exec -n "$NAMESPACE" "$1" -c ovn-central -- ovs-appctl -T 5 -t "/var/run/ovn/ovn$2_db.ctl" cluster/status "$3" 2>&1
}

formed() {
  local pod text count=0 db
  [ "$(kc get pods -n "$NAMESPACE" -l 'app in (ovn-central,kube-ovn-controller,ovs)' --no-headers | grep -cv ' 1/1 ')" = 0 ] || return 1
  for pod in $(pods); do
    for db in 'nb OVN_Northbound' 'sb OVN_Southbound'; do
      # shellcheck disable=SC2086
      text=$(words "$pod" $db) || return 1
      grep -q '^Status: cluster member' <<<"$text" || return 1
      ! grep -q '^Leader: unknown' <<<"$text" || return 1
      [ "$(sed -n '/^Servers:/,$p' <<<"$text" | grep -c ' at ')" = "$MEMBERS" ] || return 1
    done
    count=$((count + 1))
  done
  [ $count = "$MEMBERS" ]
}

status() {
  local pod db
  docker_is_up || die "Docker does not answer"
  cluster_exists || die "there is no cluster $NAME"
  kc get nodes -o wide -L kube-ovn/role
  kc get pods -n "$NAMESPACE" -l 'app in (ovn-central,kube-ovn-controller,ovs)' -o wide
  for pod in $(pods); do
    for db in 'nb OVN_Northbound' 'sb OVN_Southbound'; do
      # shellcheck disable=SC2086
      echo "${pod#pod/} ${db%% *}: $(words "$pod" $db | grep -E '^(Status|Role|Leader):' | tr '\n' ' ')"
    done
  done
  formed || die "not all of $MEMBERS members are voters in both databases"
}

check_install() {
  [ "$INSTALL" = lab ] || [ "$NAMESPACE" = kube-system ] || die "LAB_NAMESPACE is for LAB_INSTALL=lab"
  [ "$INSTALL" = lab ] || [ "$INSTALL" = kube-ovn ] || die "LAB_INSTALL is lab or kube-ovn, not $INSTALL"
  [ "$INSTALL" = lab ] || [ -z "$KINDLAB" ] || die "kube-ovn comes from a registry, which LAB_KINDLAB is for doing without: LAB_INSTALL=lab, or LAB_KINDLAB="
  [ "$INSTALL" = lab ] || command -v helm >/dev/null || die "kube-ovn is installed by helm, which is not here: https://helm.sh/docs/intro/install/, or LAB_INSTALL=lab"
}

up() {
  mkdir -p "$DIR"
  see_to_docker
  make_cluster
  if ! kc get deployment/ovn-central -n "$NAMESPACE" >/dev/null 2>&1; then
    [ -z "$(where_installed)" ] || uninstall # LAB_NAMESPACE was another one: two would share the nodes' directories
    install
  fi
  until_true $FORMS_WITHIN "$MEMBERS voters in nb and sb" formed
  say "$NAME has $MEMBERS voters in nb and sb; export KUBECONFIG=$CONFIG"
}

ensure() {
  mkdir -p "$DIR"
  see_to_docker
  make_cluster
  if kc get deployment/ovn-central -n "$NAMESPACE" >/dev/null 2>&1 && ! settled; then
    say "ovn-central is not in order: it begins anew"
    uninstall
  fi
  up
}

settled() { # an election, or a probe that is late, is no disorder
  local deadline=$((SECONDS + 20))
  until formed 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 1
  done
}

prepare() {
  mkdir -p "$DIR"
  see_to_docker
  config >"$DIR/kind.yaml"
  ! cluster_exists || [ -s "$CONFIG" ] || kind export kubeconfig --name "$NAME" --kubeconfig "$CONFIG" 2>>"$DIR/log"
  node_image
}

reset() {
  mkdir -p "$DIR"
  see_to_docker
  make_cluster
  uninstall
  up
}

down() {
  if docker_is_up; then
    ! cluster_exists || kind delete cluster --name "$NAME" --kubeconfig "$CONFIG" 2>/dev/null
    if [ -z "$(kind get clusters 2>/dev/null)" ]; then # another lab has the same images
      docker images --format '{{.Repository}}:{{.Tag}}' 'ovnswap.local/*' | xargs -r docker rmi >/dev/null || true
    fi
  fi
  # Also one that was started and never answered.
  if [ -e "$DIR/started-docker" ] && [ -n "$KINDLAB" ] && [ -z "$(timeout 30 docker ps -q 2>/dev/null)" ]; then
    "$KINDLAB/down.sh" || say "Docker, started for this lab, does not end"
  fi
  rm -rf "$DIR"
}

case ${1:-} in
  up | ensure | reset | prepare)
    check_install
    "$1"
    ;;
  status | down | config) "$1" ;;
  *) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0" >&2 && exit 2 ;;
esac
