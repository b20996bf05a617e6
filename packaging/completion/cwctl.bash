# SPDX-License-Identifier: Apache-2.0
# bash completion of cwctl: the program itself knows the candidates.

_cwctl() {
	local words=() options=() word i
	# '=' and ':' end a word in COMP_WORDS; cwctl wants the words as the shell sees them
	read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
	[[ ${COMP_LINE:COMP_POINT-1:1} == ' ' ]] && words+=('')
	word=${words[-1]}
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		case ${words[i]} in
		-s | --socket)
			options+=(-s "${words[i + 1]}")
			unset "words[i]" "words[i+1]"
			((i++))
			;;
		-*)
			unset "words[i]"
			;;
		esac
	done
	unset 'words[0]'
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-s --socket -j --json -h --help -V --version' -- "$word")
		return
	fi
	mapfile -t COMPREPLY < <(cwctl "${options[@]}" complete "${words[@]}" 2>/dev/null)
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	# bash replaces what follows the last '=' only
	if [[ $word == *=* && $COMP_WORDBREAKS == *=* ]]; then
		for i in "${!COMPREPLY[@]}"; do
			COMPREPLY[i]=${COMPREPLY[i]#"${word%=*}="}
		done
	fi
}
complete -F _cwctl cwctl
