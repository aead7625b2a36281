# A filter for `fusebox run --seccomp no_names.rb -- COMMAND`: the machine does not tell its name.
Seccomp.new(default: :allow) do |rule|
  rule.errno(:EPERM, :uname)
  # The first argument of prctl, and whatever the others: PR_SET_NAME is 15.
  rule.errno(:EPERM, :prctl, Seccomp::ARG(:==, 15))
end
