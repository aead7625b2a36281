# Every line that is written to /notify becomes one HTTP POST.
#
#   WEBHOOK_URL=https://example.org/hook fusebox script examples/ruby/webhook.rb /mnt
#   echo "backup done" > /mnt/notify
#
# Where the server does not answer, or refuses, the writer gets an error.
FUSE.path = "/mnt/webhook"
FUSE.fsname = "webhook"

FileStat = Struct.new(:st_mode, :st_nlink, :st_size)

class Webhook
  def initialize(path, url)
    @path = path
    @url = url
  end

  def on_getattr
    case @path
    when "/" then FileStat.new(FUSE::S_IFDIR | 0755, 2, nil)
    when "/notify" then FileStat.new(FUSE::S_IFREG | 0222, 1, 0)
    end
  end

  def on_readdir
    ["notify"] if @path == "/"
  end

  def on_open
    0 if @path == "/notify"
  end

  def on_write(text, _offset)
    text.each_line { |line| post(line.chomp) }
    text.size
  end

  def post(message)
    request = HTTP::Request.new
    request.method = "POST"
    request.headers["Content-Type"] = "application/json"
    request.body = { message: message }.to_json
    response = Curl.new.send(@url, request)
    puts "#{message}: #{response.status_code}"
    raise Errno::EIO, @url unless (200..299).include?(response.status_code)
  end
end

FUSE.run Webhook, ENV.fetch("WEBHOOK_URL")
