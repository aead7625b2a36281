# What programs expect of Kernel, and Exec, which some know it by.
class SystemExit < Exception
  attr_reader :status

  def initialize(status = 0, message = "exit")
    @status = status
    super(message)
  end

  def success?
    @status == 0
  end
end

module Fusebox
  # Runs the block, which is all that is left of this process.
  def self.end_after
    status = 0
    begin
      yield
    rescue SystemExit => e
      status = e.status
    rescue Exception => e
      warn "#{(e.backtrace || [])[0]}: #{e.message} (#{e.class})"
      status = 1
    end
    exit_now(status)
  end

  # One word is for the shell, several are a program and its arguments; a Hash before them adds to the environment.
  def self.command(words)
    env = words[0].is_a?(Hash) ? ENV.to_hash.merge(words.shift) : ENV.to_hash
    raise ArgumentError, "no command" if words.empty?
    words = ["/bin/sh", "-c", words[0]] if words.size == 1
    [words.map(&:to_s), environment(env)]
  end

  def self.environment(hash)
    hash.reject { |_, value| value.nil? }.map { |name, value| "#{name}=#{value}" }
  end
end

module Kernel
  def fork(&block)
    Process.fork(&block)
  end

  def exec(*words)
    Fusebox.exec(*Fusebox.command(words))
  end

  # True where the command succeeded, nil where it could not be run; $? says more.
  def system(*words)
    pid = begin
      Fusebox.spawn(*Fusebox.command(words))
    rescue SystemCallError
      return nil
    end
    Process.waitpid2(pid)[1].success? || false
  end

  def sleep(seconds = nil)
    start = Time.now
    loop { Fusebox.sleep(86400) } if seconds.nil?
    Fusebox.sleep(seconds)
    (Time.now - start).round
  end

  def exit(status = true)
    status = { true => 0, false => 1 }.fetch(status) { status }
    raise SystemExit.new(status)
  end

  # At once: nothing is unwound, no ensure is run.
  def exit!(status = false)
    Fusebox.exit_now({ true => 0, false => 1 }.fetch(status) { status })
  end

  def abort(message = nil)
    warn message if message
    raise SystemExit.new(1, message || "exit")
  end

  def warn(*lines)
    lines.each { |line| STDERR.write(line.to_s.end_with?("\n") ? line.to_s : "#{line}\n") }
    nil
  end
end

module Exec
  def self.exec(*words)
    Kernel.exec(*words)
  end

  # `environment` is all that the program gets.
  def self.execve(environment, *words)
    words = ["/bin/sh", "-c", words[0]] if words.size == 1
    Fusebox.exec(words.map(&:to_s), Fusebox.environment(environment))
  end
end
