# type.zsh COMPLETIONS LINE: types LINE and Tab into a zsh in a pseudo terminal; prints the line as it is then.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1='' RPS1=''; autoload -Uz compinit; compinit -u -D; source ${(q)1}"
zpty -w shell 'complete-and-tell() { zle complete-word; print -r -- "LINE<$BUFFER>EN""D" }'
zpty -w shell 'stty cols 200 rows 50; zle -N complete-and-tell; bindkey "^I" complete-and-tell; print REA""DY'
zpty -r shell seen '*READY*'
zpty -n -w shell "$2"$'\t'
zpty -r shell seen '*LINE<*>END*'
print -r -- "${${seen##*LINE<}%%>END*}"
zpty -d shell
