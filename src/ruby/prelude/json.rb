# JSON.generate, and to_json of what JSON knows; anything else is the string that to_s gives.
module JSON
  class << self
    def generate(value)
      value.to_json
    end

    alias dump generate
    alias load parse

    def pretty_generate(value, indent = "")
      inner = indent + "  "
      case value
      when Hash
        return "{}" if value.empty?
        pairs = value.map { |key, member| "#{inner}#{key.to_s.to_json}: #{pretty_generate(member, inner)}" }
        "{\n#{pairs.join(",\n")}\n#{indent}}"
      when Array
        return "[]" if value.empty?
        "[\n#{value.map { |member| inner + pretty_generate(member, inner) }.join(",\n")}\n#{indent}]"
      else
        value.to_json
      end
    end
  end
end

class Object
  def to_json(*)
    to_s.to_json
  end
end

class String
  def to_json(*)
    Fusebox.json_string(self)
  end
end

class NilClass
  def to_json(*)
    "null"
  end
end

[TrueClass, FalseClass, Integer].each do |klass|
  klass.class_eval do
    def to_json(*)
      to_s
    end
  end
end

class Float
  def to_json(*)
    raise JSON::GeneratorError, "#{self} is no number in JSON" if nan? || infinite?
    to_s
  end
end

class Array
  def to_json(*)
    "[#{map(&:to_json).join(',')}]"
  end
end

class Hash
  def to_json(*)
    "{#{map { |key, value| "#{key.to_s.to_json}:#{value.to_json}" }.join(',')}}"
  end
end
