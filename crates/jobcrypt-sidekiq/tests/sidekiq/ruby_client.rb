# What a Ruby app does: a job of Sidekiq's own client. Arguments: the socket of a Redis server, the class,
# the args as a JSON array, and the name of the queue.
require "json"
require "sidekiq"

Sidekiq.configure_client do |config|
  config.redis = { url: "unix://#{ARGV[0]}" }
end
puts Sidekiq::Client.push("class" => ARGV[1], "args" => JSON.parse(ARGV[2]), "queue" => ARGV[3])
