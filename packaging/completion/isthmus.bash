# Completion of the command isthmus for bash: install as
# /usr/share/bash-completion/completions/isthmus. Names are asked of the server.

_isthmus_names() {
    isthmus "$1" list -o name 2>/dev/null
}

_isthmus_vm_names() { # names rather than ids: the first column
    isthmus vm list 2>/dev/null | awk 'NR > 1 {print $1}'
}

_isthmus() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local noun=${COMP_WORDS[1]} verb=${COMP_WORDS[2]} words="" everywhere
    everywhere="--server --socket --token-file --ca-file --output --help"
    COMPREPLY=()
    case $before in
    --token-file | --ca-file | --socket | --user-data | --body | --ssh-key) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --shape) words=$(_isthmus_names shape) ;;
    --image) words=$(_isthmus_names image) ;;
    --cluster) words=$(_isthmus_names cluster) ;;
    --network) words=$(_isthmus_names network) ;;
    --vm) words=$(_isthmus_names vm) ;;
    --tenant) words=$(_isthmus_names tenant) ;;
    --host) words=$(_isthmus_names host) ;;
    --upstream) words=$(_isthmus_names upstream) ;;
    -o | --output) words="table json name" ;;
    esac
    if [[ -z $words ]]; then
        case $COMP_CWORD,$noun,$verb in
        1,*) words="vm op cluster image shape network tenant host salvage upstream permission limit token key ssh-key events audit whoami api --help --version" ;;
        2,vm,*) words="create list show start shutdown stop reboot pause resume suspend lock unlock rename edit resize rebuild snapshot snapshots revert snapshot-delete delete" ;;
        2,api,*) words="GET POST PUT DELETE" ;;
        2,op,*) words="list show" ;;
        2,audit,*) words="verify" ;;
        2,cluster,*) words="list show forget accept leftovers adopt discard" ;;
        2,image,*) words="list show import export share unshare delete" ;;
        2,shape,* | 2,network,*) words="list" ;;
        2,tenant,*) words="create list show set-quota set-image-quota set-permissions reset-permissions delete" ;;
        2,host,*) words="list show cordon uncordon drain maintenance end-maintenance label overcommit forget accept declare-off recover leftovers adopt discard" ;;
        2,salvage,*) words="list forget" ;;
        2,upstream,*) words="list show revoke restore" ;;
        2,permission,*) words="set reset" ;;
        2,limit,*) words="list set weigh keep round reset" ;;
        2,token,*) words="new list revoke" ;;
        2,key,*) words="revoke" ;;
        2,ssh-key,*) words="add list remove" ;;
        3,host,[!l]* | 3,host,label | 3,upstream,show | 3,upstream,re*)
            words=$(_isthmus_names "$noun") ;;
        3,limit,[!l]* | 3,permission,set | 3,permission,reset) words=$(_isthmus_names upstream) ;;
        4,ssh-key,add) COMPREPLY=($(compgen -f -- "$word")); return ;;
        3,ssh-key,remove) words=$(_isthmus_names ssh-key) ;;
        3,vm,create | 3,vm,list) ;;
        3,vm,*) words=$(_isthmus_vm_names) ;;
        4,vm,resize) words=$(_isthmus_names shape) ;;
        3,op,show) words=$(_isthmus_names op) ;;
        3,cluster,show | 3,cluster,forget | 3,cluster,accept | 3,image,show | 3,image,export | 3,image,*share | 3,image,delete | 3,tenant,show | 3,tenant,*set-* | 3,tenant,delete)
            words=$(_isthmus_names "$noun") ;;
        4,image,import | 4,image,export) COMPREPLY=($(compgen -f -- "$word")); return ;;
        esac
    fi
    if [[ $word == -* ]]; then
        case $noun,$verb in
        vm,create) words="--shape --image --network --cluster --must --prefer --avoid --group --group-rule --strategy --on-drain --on-loss --host-must --host-prefer --metadata --no-start --user-data --ssh-key --wait --deadline --key" ;;
        vm,list) words="--limit --tenant --host --upstream --state --name --cluster --image --labels --sort --fields --watch" ;;
        permission,set) words="--verbs --shapes --images --networks" ;;
        tenant,set-permissions) words="--clusters --shapes --images" ;;
        image,import) words="--digest --sums --architecture --firmware --disk-bus --clock --min-cpus --min-memory-mib --min-disk-gib --cloud-init --guest-agent" ;;
        tenant,set-image-quota) words="--images-gib" ;;
        upstream,revoke) words="--grace" ;;
        limit,set | limit,round | tenant,set-quota) words="--vms --cpus --memory-mib --disk-gib" ;;
        limit,keep) words="--cpus --memory-mib --disk-gib" ;;
        limit,weigh) words="--weight" ;;
        host,declare-off) words="--i-have-checked" ;;
        host,overcommit) words="--cpus-percent --memory-percent" ;;
        token,new) words="--expires" ;;
        op,list) words="--limit --tenant --vm --state --name --fields --watch" ;;
        audit,verify) words="--known" ;;
        audit,*) words="--limit --tenant --fields" ;;
        *,list) words="--limit" ;;
        api,*) words="--body --key" ;;
        vm,edit) words="--metadata --wait --deadline --key" ;;
        vm,rebuild) words="--image --user-data --wait --deadline --key" ;;
        vm,show | vm,snapshots) ;;
        vm,*) words="--wait --deadline --key" ;;
        esac
        words="$words $everywhere"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}

complete -F _isthmus isthmus
