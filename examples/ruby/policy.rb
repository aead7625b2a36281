# A policy in Ruby: what a list of paths cannot say.  In the policy file beside it:
#
#   [hook]
#   script = "policy.rb"
#   paths  = ["${PWD}/release", "${HOME}/.netrc"]

# The tools that may change a release, and only during the day.
PUBLISHERS = ["make", "cp", "install", "ln", "touch", "sh", "dash", "bash"]

# Asked about each access below `paths` that the policy file permits.
def on_access(access)
  return :hide if access.program != "curl" && access.path.end_with?("/.netrc")
  return nil unless access.write?

  # This answer is as good for all processes of the same program, and does not change: one question each.
  unless PUBLISHERS.include?(access.program)
    access.hold 3600, :program
    return :deny
  end

  # By the words that it was started with.
  return :deny if access.argv.include?("--force")

  # By the time of day: so the answer holds for ten seconds only.
  access.hold 10
  Time.now.hour.between?(6, 21) ? nil : :predict
end

# A rule that acts: done after it has happened, in a process of its own.
on(:delete, "/**/release") do |event|
  puts "#{event.program}[#{event.pid}] removed #{event.path}"
end
