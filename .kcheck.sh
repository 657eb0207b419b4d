O=/root/.cache/linux-cr/obj/x86_64-debug-7.3.4
export RUSTC_BOOTSTRAP=1; cd $O
cmd=$(sed -n '1s/^savedcmd_[^ ]* := //p' kernel/checkpoint/.checkpoint.o.cmd | sed 's/ ; .*//; s/\$\$/$/g')
cmd=$(echo "$cmd" | sed "s#--out-dir kernel/checkpoint/ --emit=dep-info=[^ ]* --emit=obj=[^ ]* [^ ]*/checkpoint.rs#--out-dir /tmp --emit=metadata=/tmp/kcheck.rmeta $1/kernel/checkpoint/checkpoint.rs#")
eval "$cmd"
