#!/usr/bin/env bash
# A SLURM cluster of this one machine, for tests. As root; needs Debian's slurm-wlm and munge.
#   slurm.sh start FOLDER     its configuration is FOLDER/slurm.conf (SLURM_CONF), its state and logs lie beside it
#   slurm.sh stop FOLDER
set -euo pipefail
folder=$2
host=$(hostname -s)

if [ "$1" = stop ]; then
    for daemon in slurmd slurmctld; do
        test ! -f "$folder/$daemon.pid" || kill "$(cat "$folder/$daemon.pid")"
    done
    exit
fi

mkdir -p "$folder/state" "$folder/spool"
cat > "$folder/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
KillWait=3
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000
PartitionName=test Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF="$folder/slurm.conf"

if ! munge -n > /dev/null 2>&1; then
    install -d -o munge -g munge /run/munge
    runuser -u munge -- munged
fi
slurmctld
slurmd
for _ in $(seq 60); do
    if srun --time=1 hostname > /dev/null 2>&1; then exit; fi
    sleep 0.5
done
echo "SLURM does not answer; see $folder/*.log" >&2
exit 1
