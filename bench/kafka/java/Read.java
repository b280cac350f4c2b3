package bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads two topics of facts, committed records only, and prints what it found as JSON. Record timestamps are the
 * broker's (LogAppendTime). Arguments: bootstrap servers, interactions, summaries, number of records to wait for,
 * seconds to wait at most, "live" or "later".
 *
 * <p>"later" looks at the ends of the topics, which costs the broker and the contender next to nothing, and reads when
 * all is there. "live" reads as records come: it measures how long after its answer a fact could be read.
 */
public final class Read {
    private final KafkaConsumer<String, String> consumer;
    private final String interactions;
    private final long expected;
    private final long giveUpAtNs;
    private final boolean isLive;

    private final Facts facts = new Facts();
    private long records;
    private long firstMs = Long.MAX_VALUE;
    private long lastMs = Long.MIN_VALUE;
    private final List<long[]> latencies = new ArrayList<>();

    private Read(KafkaConsumer<String, String> consumer, String[] arguments) {
        this.consumer = consumer;
        this.interactions = arguments[1];
        this.expected = Long.parseLong(arguments[3]);
        this.giveUpAtNs = System.nanoTime() + Long.parseLong(arguments[4]) * 1_000_000_000L;
        this.isLive = arguments[5].equals("live");
    }

    public static void main(String[] arguments) throws InterruptedException {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", arguments[0], "isolation.level", "read_committed", "enable.auto.commit", false,
                "fetch.max.wait.ms", 5, "max.poll.records", 10_000);
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : List.of(arguments[1], arguments[2])) {
                for (PartitionInfo info : consumer.partitionsFor(topic)) {
                    partitions.add(new TopicPartition(topic, info.partition()));
                }
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            new Read(consumer, arguments).run(partitions);
        }
    }

    private void run(List<TopicPartition> partitions) throws InterruptedException {
        while (!isLive && !isOver() && ends(partitions) < expected) Thread.sleep(250);
        while (records < expected && !isOver()) {
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) take(record);
        }
        print();
    }

    private boolean isOver() {
        return System.nanoTime() > giveUpAtNs;
    }

    /** With the markers of transactions, so a little more than the records. */
    private long ends(List<TopicPartition> partitions) {
        return consumer.endOffsets(partitions).values().stream().mapToLong(Long::longValue).sum();
    }

    private void take(ConsumerRecord<String, String> record) {
        records++;
        firstMs = Math.min(firstMs, record.timestamp());
        lastMs = Math.max(lastMs, record.timestamp());
        if (!isLive) {
            if (record.topic().equals(interactions)) facts.interaction(record.key(), record.value());
            else facts.summary(record.key(), record.value());
        } else if (record.topic().equals(interactions)) {
            long answeredMs = Long.parseLong(record.value().split("\t", 3)[1]);
            latencies.add(new long[] {
                record.timestamp(), record.timestamp() - answeredMs, System.currentTimeMillis() - answeredMs
            });
        }
    }

    private void print() {
        System.out.printf(
                "{\"records\":%d,\"facts\":%d,\"digest\":\"%s\",\"firstMs\":%d,\"lastMs\":%d%s}%n",
                records, facts.count(), facts.digest(), firstMs, lastMs, isLive ? latenciesAsJson() : "");
    }

    /** Of the second half: what came before is the start of machines and compilers. */
    private String latenciesAsJson() {
        List<long[]> steady = latencies.subList(latencies.size() / 2, latencies.size());
        long[] appended = steady.stream().mapToLong(latency -> latency[1]).sorted().toArray();
        long[] readable = steady.stream().mapToLong(latency -> latency[2]).sorted().toArray();
        return String.format(",\"appendedP50Ms\":%d,\"appendedP99Ms\":%d,\"readableP50Ms\":%d,\"readableP99Ms\":%d",
                share(appended, 0.5), share(appended, 0.99), share(readable, 0.5), share(readable, 0.99));
    }

    private static long share(long[] sorted, double share) {
        return sorted.length == 0 ? -1 : sorted[(int) Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    }
}
