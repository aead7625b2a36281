# In a process that is only to find out which filter a script would load: load() hands it over and does not come back,
# and what would run in a child runs here.
module Seccomp
  class Context
    def load
      __hand_over
    end

    alias load! load
  end
end

module Process
  def self.fork
    yield if block_given?
    nil
  end
end
