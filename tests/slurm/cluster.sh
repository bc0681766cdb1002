#!/bin/bash
# A Slurm cluster of this one machine, with accounting, for tests/slurm/sweep.ts. Debian, as root:
#
#   apt-get install slurm-wlm slurmdbd munge mariadb-server
#   tests/slurm/cluster.sh start DIR    # then: export SLURM_CONF=DIR/slurm.conf
#   tests/slurm/cluster.sh stop DIR
#
# No cgroups are needed, so it runs in a container. Everything but the socket and key of munge lies in DIR.
set -euo pipefail

action=$1
dir=$(realpath -m "$2")
host=$(hostname -s)

await() { # until COMMAND succeeds, half a minute at most
  for _ in $(seq 60); do "$@" >/dev/null 2>&1 && return; sleep 0.5; done
  echo "$* does not succeed; see $dir/*.log" >&2
  exit 1
}

stop() {
  for name in slurmd slurmctld slurmdbd mariadb munged; do
    [ -s "$dir/$name.pid" ] && kill "$(cat "$dir/$name.pid")" 2>/dev/null || true
  done
}

start() {
  mkdir -p "$dir"/{state,spool,database,munge}
  chmod 755 "$dir"

  [ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1 count=1024 status=none
  chown munge: /etc/munge/munge.key "$dir/munge"
  chmod 400 /etc/munge/munge.key
  install -d -o munge -g munge -m 755 /run/munge
  munge -n >/dev/null 2>&1 ||
    setpriv --reuid munge --regid munge --clear-groups munged --force \
      --pid-file="$dir/munge/munged.pid" --log-file="$dir/munge/munged.log" --seed-file="$dir/munge/seed"
  ln -sf munge/munged.pid "$dir/munged.pid"
  await munge -n

  chown mysql: "$dir/database"
  [ -d "$dir/database/mysql" ] ||
    mariadb-install-db --no-defaults --user=mysql --datadir="$dir/database" --skip-test-db >"$dir/mariadb-install.log"
  mariadbd --no-defaults --user=mysql --datadir="$dir/database" --socket="$dir/database/socket" \
    --skip-networking --pid-file="$dir/database/pid" >"$dir/mariadb.log" 2>&1 &
  echo $! >"$dir/mariadb.pid"
  await mariadb --no-defaults --socket="$dir/database/socket" --execute "select 1"
  mariadb --no-defaults --socket="$dir/database/socket" --execute \
    "create database if not exists accounting; create user if not exists slurm@localhost identified by 'slurm';
     grant all on accounting.* to slurm@localhost"

  cat >"$dir/slurmdbd.conf" <<END
AuthType=auth/munge
DbdHost=localhost
SlurmUser=root
PidFile=$dir/slurmdbd.pid
LogFile=$dir/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=accounting
END
  chmod 600 "$dir/slurmdbd.conf"
  cat >"$dir/slurm.conf" <<END
ClusterName=here
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
  export SLURM_CONF="$dir/slurm.conf" MYSQL_UNIX_PORT="$dir/database/socket"
  slurmdbd
  await sacctmgr --immediate --noheader show cluster
  sacctmgr --immediate add cluster here >/dev/null 2>&1 || true
  slurmctld
  await scontrol ping
  slurmd
  await sh -c 'sinfo --noheader | grep -q idle'
  sinfo
}

"$action"
