package bench;

import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Writes answers. Arguments: bootstrap servers, topic, number of answers, answers a second (0: as fast as it
 * goes; an answer's time is then its index, so that every run has the same input).
 */
public final class Produce {
    private Produce() {}

    public static void main(String[] arguments) {
        String topic = arguments[1];
        long answers = Long.parseLong(arguments[2]);
        long perSecond = Long.parseLong(arguments[3]);
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", arguments[0], "acks", "all", "linger.ms", perSecond == 0 ? 50 : 0,
                "batch.size", 131_072, "compression.type", "none");
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            long startNs = System.nanoTime();
            for (long index = 0; index < answers; index++) {
                if (perSecond > 0) waitUntil(startNs + index * 1_000_000_000L / perSecond);
                long timestampMs = perSecond == 0 ? Answers.indexTimestampMs(index) : System.currentTimeMillis();
                producer.send(new ProducerRecord<>(topic, null, timestampMs, Answers.keyOf(index),
                        Answers.valueOf(index, timestampMs)));
            }
        }
    }

    private static void waitUntil(long dueNs) {
        for (long leftNs = dueNs - System.nanoTime(); leftNs > 0; leftNs = dueNs - System.nanoTime()) {
            LockSupport.parkNanos(leftNs);
        }
    }
}
