# Read by each shell that `sandbox` starts (BASH_ENV, and -rcfile where it is interactive).
declare -r SANDBOX_ACTIVE

if [[ ${SANDBOX_INTRACTV} == 1 && -t 1 ]]; then
	unset SANDBOX_INTRACTV
	adddeny()    { export SANDBOX_DENY="${SANDBOX_DENY}:$1"; }
	addpredict() { export SANDBOX_PREDICT="${SANDBOX_PREDICT}:$1"; }
	addread()    { export SANDBOX_READ="${SANDBOX_READ}:$1"; }
	addwrite()   { export SANDBOX_WRITE="${SANDBOX_WRITE}:$1"; }
	sandboxon()  { export SANDBOX_ON=1; }
	sandboxoff() { export SANDBOX_ON=0; }
	PS1="[s] ${PS1}"
	printf 'Sandboxed shell. Violations: %s\n' "${SANDBOX_LOG}"
	printf 'addread, addwrite, addpredict, adddeny PATH; sandboxon, sandboxoff\n'
fi
